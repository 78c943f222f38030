import type { NewMessage } from '../model/message.js'

/**
 * Whether something of a message was not stored that a replay can bring in, shared by every storage: all of it, or the
 * samples and fields that were refused (`partial`).
 */
export const isReplayable = ({ status, flags }: Pick<NewMessage, 'status' | 'flags'>): boolean =>
  status === 'rejected' || status === 'quarantined' || isPartlyStored({ status, flags })

export const isPartlyStored = ({ status, flags }: Pick<NewMessage, 'status' | 'flags'>): boolean =>
  status === 'processed' && (flags ?? '').split(' ').includes('partial')
