'use strict'

/**
 * One SQLite connection: in a worker thread of its own, or called directly. Plain JavaScript, because a worker is
 * started from a file, and this one has to be the same beside the sources and beside the build.
 */
const { closeSync, openSync } = require('node:fs')
const { isMainThread, parentPort, workerData } = require('node:worker_threads')

/** Rows of one INSERT statement: one row each costs a fifth more, and 256 gain nothing over 32. */
const ROWS = [32, 4, 1]
const STATEMENTS_MAX = 300
/** Between the values of a text column, and for null: JSON text has neither. The sender checked the other columns. */
const SEPARATOR = '\x1f'
const NULL = '\x1e'

const ERROR_NAMES = new Map([
  [1, 'SQLITE_ERROR'],
  [5, 'SQLITE_BUSY'],
  [6, 'SQLITE_LOCKED'],
  [7, 'SQLITE_NOMEM'],
  [8, 'SQLITE_READONLY'],
  [10, 'SQLITE_IOERR'],
  [11, 'SQLITE_CORRUPT'],
  [13, 'SQLITE_FULL'],
  [14, 'SQLITE_CANTOPEN'],
  [18, 'SQLITE_TOOBIG'],
  [19, 'SQLITE_CONSTRAINT'],
  [20, 'SQLITE_MISMATCH'],
  [25, 'SQLITE_RANGE'],
  [26, 'SQLITE_NOTADB'],
  [2067, 'SQLITE_CONSTRAINT_UNIQUE'],
  [1555, 'SQLITE_CONSTRAINT_PRIMARYKEY'],
])

/**
 * A new database is for its owner alone: it holds what devices sent, and hashes of their credentials. SQLite gives the
 * files beside it the same mode. Who may read one that is there has been decided by somebody.
 */
function makePrivate(file) {
  if (file === ':memory:') return
  try {
    closeSync(openSync(file, 'ax', 0o600))
  } catch {
    // It exists, or cannot be made: SQLite says so.
  }
}

function openDriver({ file, driver, module, busyTimeout, readOnly }) {
  if (!readOnly) makePrivate(file)
  const native = driver === 'node:sqlite' ? openNodeSqlite(file) : openBetterSqlite(file, module)
  // Another process may be opening it too, and changing the journal mode needs it alone for a moment.
  native.exec(`pragma busy_timeout = ${Math.max(busyTimeout, 5000)}`)
  native.exec('pragma journal_mode = wal')
  // The default of WAL, NORMAL, may lose commits when the power fails: an acknowledged message would be gone.
  native.exec('pragma synchronous = full')
  native.exec('pragma foreign_keys = on')
  if (readOnly) native.exec('pragma query_only = on')
  native.exec('pragma temp_store = memory')
  // 32 MiB: what costs most is finding the leaves of the indexes, and the default holds 2.
  native.exec('pragma cache_size = -32768')
  native.exec(`pragma busy_timeout = ${busyTimeout}`)
  return native
}

function openBetterSqlite(file, module) {
  const Database = require(module)
  const db = new Database(file, { timeout: 0 })
  return {
    exec: (sql) => db.exec(sql),
    close: () => db.close(),
    prepare(sql) {
      const statement = db.prepare(sql)
      const reader = statement.reader
      if (reader) statement.safeIntegers(true)
      return {
        reader,
        all: (values) => statement.all(values),
        run: (values) => statement.run(values),
        iterate: (values) => statement.iterate(values),
      }
    },
    prepareArrays(sql) {
      const statement = db.prepare(sql).raw(true)
      const names = statement.columns().map(({ name }) => name)
      return (values) => ({ names, rows: statement.all(values) })
    },
  }
}

function openNodeSqlite(file) {
  const { DatabaseSync } = require('node:sqlite')
  const db = new DatabaseSync(file)
  const changes = () => db.prepare('select changes() as n').get().n
  return {
    exec: (sql) => db.exec(sql),
    close: () => db.close(),
    prepare(sql) {
      const statement = db.prepare(sql)
      // `columns()` is not there before 22.16 and 23.11.
      const reader = statement.columns
        ? statement.columns().length > 0
        : /^\s*(select|with|values|pragma|explain)\b|\breturning\b/i.test(sql)
      if (reader) statement.setReadBigInts(true)
      return {
        reader,
        all: (values) => statement.all(...values),
        // `.apply` with the array of an INSERT of many rows stays far below the engine's limit of arguments.
        run: (values) => statement.run.apply(statement, values),
        iterate: (values) => statement.iterate(...values),
        changes,
      }
    },
    prepareArrays(sql) {
      const statement = db.prepare(sql)
      return (values) => {
        const rows = statement.all(...values)
        const names = rows.length > 0 ? Object.keys(rows[0]) : []
        return { names, rows: rows.map(Object.values) }
      }
    },
  }
}

function openDatabase(options) {
  const native = openDriver(options)
  const statements = new Map()
  const cursors = new Map()
  let cursorIds = 0

  /** Least recently used go first. */
  function prepare(sql, arrays = false) {
    const key = arrays ? `arrays ${sql}` : sql
    let statement = statements.get(key)
    if (statement) statements.delete(key)
    else statement = arrays ? native.prepareArrays(sql) : native.prepare(sql)
    statements.set(key, statement)
    if (statements.size > STATEMENTS_MAX) statements.delete(statements.keys().next().value)
    return statement
  }

  function query({ sql, parameters }) {
    const values = parameters.map(toSql)
    const statement = prepare(sql)
    if (statement.reader) return { rows: statement.all(values).map(fromSql) }
    const { changes, lastInsertRowid } = statement.run(values)
    return { rows: [], changes: Number(changes), lastInsertRowid: Number(lastInsertRowid) }
  }

  /** Rows of columns that hold no integer beyond what a number can: many of them, for less. */
  function readColumns({ sql, parameters }) {
    const { names, rows } = prepare(sql, true)(parameters.map(toSql))
    return packColumns(names, rows.length, (row, column) => rows[row][column])
  }

  /**
   * A whole commit: one message from the main thread, one transaction. As `write`, the index of a fence that does not hold,
   * or false: a command is not where its step begins.
   */
  function transact(writes) {
    let ids = null
    native.exec('begin immediate')
    try {
      const failed = writes.fences.findIndex((fence) => query(fence).rows.length === 0)
      if (failed !== -1) {
        native.exec('rollback')
        return failed
      }
      if (!writes.steps.rows.every((values) => changesOne(writes.steps.sql, values))) {
        native.exec('rollback')
        return false
      }
      ids = write(writes)
      native.exec('commit')
    } catch (error) {
      try {
        native.exec('rollback')
      } catch {
        // SQLite has rolled back by itself.
      }
      throw error
    }
    return ids
  }

  const changesOne = (sql, values) => Number(prepare(sql).run(values).changes) === 1

  /** The last id of each table that somebody wants to know it of; null for none. */
  function write({ inserts, touches }) {
    let ids = null
    for (const insert of inserts) {
      const last = insertRows(insert)
      if (insert.returnsIds) ids = { ...ids, [insert.table]: last }
    }
    for (const touch of touches) touchDevices(touch)
    return ids
  }

  function insertRows({ table, rows, columns, suffix }) {
    const varying = []
    const expressions = []
    const lists = new Map()
    for (const column of columns) {
      if (column.literal !== undefined) expressions.push(column.literal)
      else {
        const list = column.as === undefined ? valuesOf(column, rows) : sameAs(column, lists)
        lists.set(column.name, list)
        expressions.push('?')
        varying.push(list)
      }
    }
    const head = `insert into "${table}" (${columns.map(({ name }) => `"${name}"`).join(', ')}) values `
    const tuple = `(${expressions.join(', ')})`
    let at = 0
    let last = 0
    for (const size of ROWS) {
      if (rows - at < size) continue
      const statement = prepare(head + Array(size).fill(tuple).join(', ') + suffix)
      const values = new Array(size * varying.length)
      while (rows - at >= size) {
        let index = 0
        for (let end = at + size; at < end; at++) for (const column of varying) values[index++] = column[at]
        last = statement.run(values).lastInsertRowid
      }
    }
    return Number(last)
  }

  function touchDevices({ sql, deviceIds, times }) {
    const statement = prepare(sql)
    for (let index = 0; index < deviceIds.length; index++)
      statement.run([times[index], deviceIds[index], times[index]])
  }

  return {
    query,
    readColumns,
    transact,
    write,
    openCursor({ sql, parameters }) {
      const id = ++cursorIds
      // Not from the cache: a statement that is being read cannot be run for somebody else.
      cursors.set(id, native.prepare(sql).iterate(parameters.map(toSql)))
      return id
    },
    readCursor({ id, size }) {
      const rows = []
      const iterator = cursors.get(id)
      while (iterator && rows.length < size) {
        const { done, value } = iterator.next()
        if (done) {
          cursors.delete(id)
          break
        }
        rows.push(fromSql(value))
      }
      return rows
    },
    closeCursor({ id }) {
      cursors.get(id)?.return?.()
      cursors.delete(id)
      return null
    },
    close() {
      native.close()
      return null
    },
  }
}

/** The values of another column, null where a third is. Neither is one of a few values. */
function sameAs({ as, unlessNull }, lists) {
  if (unlessNull === undefined) return lists.get(as)
  const condition = lists.get(unlessNull)
  return lists.get(as).map((value, row) => (condition[row] === null ? null : value))
}

/** The values of a column, one a row. */
function valuesOf(column, rows) {
  if (column.text !== undefined) {
    const values = column.text.split(SEPARATOR)
    if (column.nulls)
      for (let index = 0; index < rows; index++) if (values[index] === NULL) values[index] = null
    return values
  }
  if (column.numbers !== undefined) {
    const values = Array.from(column.numbers)
    if (column.nulls)
      for (let index = 0; index < rows; index++) if (Number.isNaN(values[index])) values[index] = null
    return values
  }
  if (column.values !== undefined) return column.values
  return new Array(rows).fill(column.value)
}

function toSql(value) {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value === undefined) return null
  if (value instanceof Date) return value.getTime()
  return value
}

/** Integers are read as bigint, so that none is rounded; those that fit a number are given as one. */
function fromSql(row) {
  for (const name in row) {
    const value = row[name]
    if (typeof value === 'bigint' && value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER)
      row[name] = Number(value)
  }
  return row
}

/** Fewer cost less as they are. */
const PACKED_FROM = 16

/** Rows on their way to another thread: by column, since each row alone would take the names of its columns along. */
function pack(rows) {
  if (rows.length < PACKED_FROM) return rows
  const names = Object.keys(rows[0])
  return packColumns(names, rows.length, (row, column) => rows[row][names[column]])
}

const packColumns = (names, count, valueAt) => ({
  count,
  columns: names.map((name, column) => packColumn(name, column, count, valueAt)),
})

function packColumn(name, column, count, valueAt) {
  const values = new Array(count)
  let same = true
  let numbers = true
  let texts = true
  for (let row = 0; row < count; row++) {
    const value = valueAt(row, column)
    values[row] = value
    same &&= value === values[0]
    numbers &&= typeof value === 'number'
    texts &&= typeof value === 'string'
  }
  if (same && count > 0) return { name, value: values[0] }
  if (numbers) return { name, numbers: Float64Array.from(values) }
  if (texts && !values.some((value) => value.includes(SEPARATOR)))
    return { name, text: values.join(SEPARATOR) }
  return { name, values }
}

/** An error object loses its own properties on the way between threads. */
function describeError(error) {
  const number = error.errcode
  const code =
    number === undefined
      ? error.code
      : (ERROR_NAMES.get(number) ?? ERROR_NAMES.get(number & 0xff) ?? 'SQLITE_ERROR')
  return { name: error.name, message: error.message, code, stack: error.stack }
}

if (!isMainThread && workerData && workerData.devicehubSqlite) {
  let database
  parentPort.on('message', ({ id, operation, argument }) => {
    try {
      if (operation === 'open') {
        database = openDatabase(argument)
        parentPort.postMessage({ id, result: null })
      } else parentPort.postMessage({ id, result: packed(database[operation](argument)) })
    } catch (error) {
      parentPort.postMessage({ id, error: describeError(error) })
    }
  })
}

function packed(result) {
  return Array.isArray(result?.rows) ? { ...result, rows: pack(result.rows) } : result
}

module.exports = { openDatabase, describeError }
