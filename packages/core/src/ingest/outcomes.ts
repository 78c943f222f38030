/** Outcomes that are the same for many messages, made once. */
export const STORED = { status: 'stored' } as const
export const DUPLICATE = { status: 'duplicate' } as const
export const STORED_NONE = { status: 'stored', samples: 0, duplicates: 0 } as const
/** Deleted by retention between the look-up and the commit. */
export const GONE = {
  status: 'rejected',
  code: 'unknown_command',
  reason: 'the device was sent no command of this id',
} as const
export const STORED_ONE = { status: 'stored', samples: 1, duplicates: 0 } as const
