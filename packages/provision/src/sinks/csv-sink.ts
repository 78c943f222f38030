import { open, readFile } from 'node:fs/promises'
import { DeviceHubError } from '@devicehub/core'
import { parse } from 'csv-parse/sync'
import { stringify } from 'csv-stringify/sync'
import type { CredentialSink, SinkChange } from './credential-sink.js'
import { withFileLock } from './file-lock.js'
import { createFileWork } from './file-work.js'
import { usernameOf } from './last-changes.js'
import { refuseChange } from './refuse-device.js'
import { readOrEmpty, syncFolder } from './replace-file.js'
import { sinkFailures } from './sink-failures.js'

export interface CsvSinkOptions {
  /** Appended to, and made with the mode 0600: it holds passwords. */
  readonly file: string
  /** Milliseconds to wait for another process that appends to it. Default 10,000. */
  readonly timeout?: number
}

const NAME = 'csv'
const COLUMNS = ['time', 'change', 'username', 'password', 'client_id', 'device_type', 'device_id'] as const

type Row = Record<(typeof COLUMNS)[number], string>

/**
 * A file of what was issued and withdrawn, for people who load it elsewhere: one line a change, on the disk before
 * `apply` resolves. A later line of a user name replaces an earlier one.
 */
export function csvSink({ file, timeout = 10_000 }: CsvSinkOptions): CredentialSink {
  if (!file) throw new DeviceHubError('invalid_options', 'csvSink: give the `file`')
  const { run, close } = createFileWork(NAME)

  return {
    name: NAME,
    apply: (changes) =>
      run(async () => {
        const failures = sinkFailures(NAME)
        const rows: Row[] = []
        for (const change of changes) {
          const refusal = refuseChange(change) ?? refuseFormula(change)
          if (refusal === null) rows.push(rowOf(change))
          else failures.add(usernameOf(change), refusal)
        }
        await append(file, timeout, rows)
        failures.throwAny()
      }),
    sync: (devices) =>
      run(async () => {
        // Before the devices are read: one that is issued meanwhile is no stray.
        const present = await usersIn(file)
        const wanted = new Set<string>()
        for await (const { username } of devices) wanted.add(username)
        const removed = [...present].filter((username) => !wanted.has(username))
        await append(
          file,
          timeout,
          removed.map((username) => rowOf({ kind: 'remove', username })),
        )
        const withoutPassword = [...wanted].filter((username) => !present.has(username))
        return { sink: NAME, devices: wanted.size, repaired: [], removed, withoutPassword }
      }),
    close,
  }
}

function rowOf(change: SinkChange): Row {
  const time = new Date().toISOString()
  if (change.kind === 'remove') {
    const nothing = { password: '', client_id: '', device_type: '', device_id: '' }
    return { time, change: 'removed', username: change.username, ...nothing }
  }
  const { username, clientId, type, deviceId } = change.device
  const device = { client_id: clientId, device_type: type.name, device_id: deviceId }
  return { time, change: 'set', username, password: change.password, ...device }
}

/**
 * A spreadsheet runs what begins with one of these. Nothing here may be changed to prevent it: a password with a quote
 * before it is another password. A leading hyphen is harmless where only letters, digits, `-` and `_` follow.
 */
const FORMULA = /^[=+@]|^-.*[^A-Za-z0-9_-]/

function refuseFormula(change: SinkChange): string | null {
  const values = Object.entries(rowOf(change))
  const found = values.find(([, value]) => FORMULA.test(value))
  return found === undefined ? null : `its ${found[0]} would be a formula in a spreadsheet`
}

/** What a killed process left of a line is cut off first: nobody was told that it is there. */
async function append(file: string, timeout: number, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0) return
  await withFileLock(`${file}.devicehub-lock`, timeout, async (assertHeld) => {
    const whole = await wholeLines(file)
    const handle = await open(file, 'a')
    try {
      await assertHeld()
      await handle.truncate(whole)
      await handle.appendFile(stringify([...rows], { header: whole === 0, columns: [...COLUMNS] }))
      await handle.sync()
    } finally {
      await handle.close()
    }
    if (whole === 0) await syncFolder(file)
  })
}

/** Bytes up to the end of the last line that is complete. */
async function wholeLines(file: string): Promise<number> {
  const handle = await open(file, 'a+', 0o600)
  try {
    const { size } = await handle.stat()
    const last = Buffer.alloc(1)
    if (size > 0) await handle.read(last, 0, 1, size - 1)
    if (size === 0 || last.toString() === '\n') return size
  } finally {
    await handle.close()
  }
  return (await readFile(file)).lastIndexOf('\n') + 1
}

async function usersIn(file: string): Promise<Set<string>> {
  const text = await readOrEmpty(file)
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  const users = new Set<string>()
  for (const row of rowsOf(whole, file))
    row.change === 'set' ? users.add(row.username) : users.delete(row.username)
  return users
}

function rowsOf(text: string, file: string): Row[] {
  try {
    return parse(text, { columns: true })
  } catch {
    // Without its cause, which shows the line: there are passwords in it.
    throw new DeviceHubError('sink_failed', `${file} is no CSV file of this sink; move it away or mend it`)
  }
}
