import { databaseAway } from './cases/slots-database-away.js'
import { frozenInCommit } from './cases/slots-frozen-in-commit.js'
import { hotStandby } from './cases/slots-hot-standby.js'
import { randomFaults } from './cases/slots-random-faults.js'
import type { FaultCase } from './fault-case.js'

export const cases: readonly FaultCase[] = [randomFaults, frozenInCommit, hotStandby, databaseAway]
