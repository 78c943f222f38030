import { describeWith, storageContract } from '@devicehub/test-kit'
import { contractOn } from '../testing/contract-on.js'
import { sqliteFile } from '../testing/open-database.js'

describeWith(['sqlite'], 'SQLite', () => {
  contractOn(storageContract, 'SQLite, in a worker', () => sqliteFile({ thread: true }))
})
