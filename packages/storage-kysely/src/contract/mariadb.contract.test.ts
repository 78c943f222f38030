import { describeWith, storageContract } from '@devicehub/test-kit'
import { contractOn } from '../testing/contract-on.js'
import { mariadbDatabase } from '../testing/open-database.js'

// Nothing outlives its test: durability would only cost time.
describeWith({ mariadb: { settings: { innodb_flush_log_at_trx_commit: 0 } } }, 'MariaDB', ({ mariadb }) => {
  contractOn(storageContract, 'MariaDB', () => mariadbDatabase(mariadb()))
})
