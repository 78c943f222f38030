import { describeWith, storageContract } from '@devicehub/test-kit'
import { contractOn } from '../testing/contract-on.js'
import { postgresDatabase } from '../testing/open-database.js'

// Nothing outlives its test: durability would only cost time.
describeWith({ postgres: { settings: { fsync: 'off' } } }, 'PostgreSQL', ({ postgres }) => {
  contractOn(storageContract, 'PostgreSQL', () => postgresDatabase(postgres()))
})
