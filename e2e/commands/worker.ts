import { command, defineDeviceType } from '@devicehub/core'
import { z } from 'zod'

export const Worker = defineDeviceType('worker', { commands: { work: command({ result: z.string() }) } })
