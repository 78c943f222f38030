import { startHiveMq, startMosquitto } from '@devicehub/test-kit'
import { publishBurst } from './cases/publish-burst.js'
import { scaleReplicas } from './cases/scale-replicas.js'
import type { FaultCase } from './fault-case.js'

export const cases: readonly FaultCase[] = [
  scaleReplicas('mosquitto', () => startMosquitto()),
  scaleReplicas('hivemq', () => startHiveMq({ maxQueued: 1_000_000 })),
  publishBurst,
]
