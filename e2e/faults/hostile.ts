import type { FaultCase } from './fault-case.js'
import { refusedLogins, slowClaims, theft } from './hostile/cases-callers.js'
import {
  asynchronousSchemas,
  envelopesFromCode,
  envelopesFromSenders,
  horribleCodec,
  hostileReplies,
  largeAndDeep,
} from './hostile/cases-messages.js'
import { constantIds, impossibleClocks, retainedFlood } from './hostile/cases-samples.js'

export const cases: readonly FaultCase[] = [
  envelopesFromCode,
  envelopesFromSenders,
  asynchronousSchemas,
  horribleCodec,
  largeAndDeep,
  hostileReplies,
  constantIds,
  impossibleClocks,
  retainedFlood,
  slowClaims,
  refusedLogins,
  theft,
]
