import { cutBeforePuback } from './cases/cut-before-puback.js'
import { flood } from './cases/flood.js'
import { killBroker } from './cases/kill-broker.js'
import { killListener } from './cases/kill-listener.js'
import { restarts } from './cases/restarts.js'
import { staleAcknowledgements } from './cases/stale-acknowledgements.js'
import { stopPostgres } from './cases/stop-postgres.js'
import type { FaultCase } from './fault-case.js'

export const cases: readonly FaultCase[] = [
  killListener('sqlite'),
  killListener('postgres'),
  stopPostgres,
  killBroker,
  restarts,
  cutBeforePuback,
  staleAcknowledgements,
  flood,
]
