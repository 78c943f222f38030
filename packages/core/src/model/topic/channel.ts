/** What topics are for. `cmd` and `desired` go to devices, the others come from them. */
export const CHANNELS = ['data', 'status', 'cmd', 'response', 'state', 'desired'] as const
/** What a topic is for: one of `CHANNELS`. */
export type Channel = (typeof CHANNELS)[number]

/** Those a device sends on. */
export const INBOUND_CHANNELS = ['data', 'status', 'response', 'state'] as const satisfies readonly Channel[]

/** Those a device listens to. */
export const OUTBOUND_CHANNELS = ['cmd', 'desired'] as const satisfies readonly Channel[]

/** Whether it is one of `CHANNELS`. */
export const isChannel = (text: string): text is Channel => (CHANNELS as readonly string[]).includes(text)
