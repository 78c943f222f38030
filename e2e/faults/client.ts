import { killClient } from './cases/kill-client.js'
import type { FaultCase } from './fault-case.js'

export const cases: readonly FaultCase[] = [killClient]
