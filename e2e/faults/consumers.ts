import { frozenConsumer } from './cases/frozen-consumer.js'
import { killConsumers } from './cases/kill-consumers.js'
import type { FaultCase } from './fault-case.js'

export const cases: readonly FaultCase[] = [
  killConsumers('postgres'),
  killConsumers('sqlite'),
  frozenConsumer('postgres'),
  frozenConsumer('sqlite'),
]
