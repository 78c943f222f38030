import { command, defineDeviceType } from '@devicehub/core'
import { z } from 'zod'

export const Gate = defineDeviceType('gate', {
  commands: {
    open: command({ payload: z.object({ degrees: z.int() }), result: z.object({ degrees: z.int() }) }),
  },
})

export const DEVICES = 20
export const deviceId = (n: number): string => `GATE-${n % DEVICES}`

/** Topics of the bare request and response. */
export const BARE = { request: 'bench/request', response: 'bench/response' }
