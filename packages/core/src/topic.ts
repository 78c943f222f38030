export const CHANNELS = ['data', 'status', 'cmd', 'response', 'state', 'desired'] as const
export type Channel = (typeof CHANNELS)[number]
