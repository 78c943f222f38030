import { describeWith, driverContract } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { findSqliteDriver } from '../sqlite/find-driver.js'
import { contractOn } from '../testing/contract-on.js'
import { plainSqliteFile, sqliteFile } from '../testing/open-database.js'
import { SQLITE_DRIVERS } from '../testing/sqlite-drivers.js'

/**
 * Every SQLite gets the same SQL from the same code, and it is one engine: the files beside this one run the whole
 * contract on the driver that is chosen by default. What is left of another driver is what it makes of values and errors,
 * and how its connections wait for each other.
 */
describeWith(['sqlite'], 'SQLite', () => {
  const tested = SQLITE_DRIVERS.includes('node:sqlite') ? 'node:sqlite' : 'better-sqlite3'
  test('the driver that has the whole contract is the one that is chosen by default', () => {
    expect(findSqliteDriver('auto').driver).toBe(tested)
  })

  for (const driver of SQLITE_DRIVERS.filter((each) => each !== tested))
    for (const thread of [true, false])
      contractOn(driverContract, `SQLite, ${driver}, ${thread ? 'in a worker' : 'in this thread'}`, () =>
        sqliteFile({ driver, thread }),
      )
  if (SQLITE_DRIVERS.includes('better-sqlite3'))
    contractOn(driverContract, "SQLite, Kysely's own dialect", plainSqliteFile)
})
