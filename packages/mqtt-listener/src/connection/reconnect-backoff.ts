import { type Backoff, createBackoff } from '@devicehub/core/transport'
import type { ReconnectSettings } from '../settings/option-rules.js'

/** The pauses of `reconnect`; text with its unit, because `createBackoff` checks them again. */
export const reconnectBackoff = ({ min, max, jitter }: ReconnectSettings): Backoff =>
  createBackoff({ min: `${min}s`, max: `${max}s`, jitter })
