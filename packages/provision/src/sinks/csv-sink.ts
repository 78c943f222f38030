import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DeviceHubError } from '@devicehub/core'
import { openNoLink, syncFolder } from '@devicehub-internal/async/files'
import { parse } from 'csv-parse/sync'
import { stringify } from 'csv-stringify/sync'
import type { CredentialSink, SinkChange } from './credential-sink.js'
import type { CsvSinkOptions } from './csv-options.js'
import { withFileLock } from './file-lock.js'
import { createFileWork } from './file-work.js'
import { usernameOf } from './last-changes.js'
import { acceptChanges, acceptCsv, acceptDevices } from './option-rules.js'
import { refuseChange } from './refuse-device.js'
import { sinkFailures } from './sink-failures.js'

const NAME = 'csv'
const { O_APPEND, O_CREAT, O_RDONLY, O_RDWR } = constants
const COLUMNS = ['time', 'change', 'username', 'password', 'client_id', 'device_type', 'device_id'] as const

type Row = Record<(typeof COLUMNS)[number], string>

/**
 * A CSV file of issued and revoked credentials, to be loaded elsewhere: one line per change, on disk before
 * `apply` resolves. A later line of a user name replaces an earlier one. `sink_failed` where the file is a symbolic link.
 *
 * @example
 * import { createProvisioner, csvSink } from '@devicehub/provision'
 * import { hub } from './hub.js'
 *
 * const provisioner = createProvisioner(hub, { sinks: [csvSink({ file: 'issued.csv' })] })
 */
export function csvSink(options: CsvSinkOptions): CredentialSink {
  const { file, timeout = 10_000 } = acceptCsv(options)
  const { run, close } = createFileWork(NAME)

  return {
    name: NAME,
    apply: (given) =>
      run(async () => {
        const changes = acceptChanges(NAME, given)
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
    sync: (given) =>
      run(async () => {
        const devices = acceptDevices(NAME, given)
        // Before the devices are read: credentials that are issued meanwhile are not superfluous.
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

async function append(file: string, timeout: number, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0) return
  await withFileLock(`${file}.devicehub-lock`, timeout, async (assertHeld) => {
    let keep = 0
    const handle = await openFile(file, O_RDWR | O_APPEND | O_CREAT)
    try {
      const present = await presentIn(handle, file)
      keep = present.keep
      await assertHeld()
      await handle.truncate(keep)
      const lines = stringify([...rows], { header: keep === 0, columns: [...COLUMNS] })
      await handle.appendFile(present.ended ? lines : `\n${lines}`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    if (keep === 0) await syncFolder(dirname(file))
  })
}

const HEADER = COLUMNS.join(',')

/**
 * How many bytes of the file are kept, and whether they end with a line end. An incomplete line of a killed process is cut
 * off: it was never confirmed. A last line without a line end, as some editors leave it, is complete. `sink_failed` for a
 * file that does not begin with the header of this sink: it is not cut.
 */
async function presentIn(
  handle: FileHandle,
  file: string,
): Promise<{ readonly keep: number; readonly ended: boolean }> {
  const { size } = await handle.stat()
  if (size === 0) {
    await handle.chmod(0o600)
    return { keep: 0, ended: true }
  }
  const start = Buffer.alloc(HEADER.length + 5)
  const { bytesRead } = await handle.read(start, 0, start.length, 0)
  const [first = '', second] = start
    .toString('utf8', 0, bytesRead)
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
  // Its process was killed while it created the file.
  if (second === undefined && HEADER.startsWith(first) && first.length < HEADER.length)
    return { keep: 0, ended: true }
  if (first !== HEADER) throw foreignFile(file)
  const last = Buffer.alloc(1)
  await handle.read(last, 0, 1, size - 1)
  if (last.toString() === '\n') return { keep: size, ended: true }
  // From its beginning: the reads above gave their places, and moved nothing.
  const content = await handle.readFile()
  const whole = content.lastIndexOf('\n') + 1
  return isWhole(content.toString('utf8', whole))
    ? { keep: content.length, ended: false }
    : { keep: whole, ended: true }
}

function isWhole(line: string): boolean {
  try {
    const [cells] = parse(line) as string[][]
    return cells?.length === COLUMNS.length
  } catch {
    return false
  }
}

/**
 * Passwords are not written where a symbolic link leads: whoever may write to the folder could choose that place. Nor are
 * user names read from there.
 */
const openFile = (file: string, flags: number): Promise<FileHandle> =>
  openNoLink(file, flags, (cause) => {
    const message = `${file} is a symbolic link; secrets are not written there. Name the file that it points to`
    return new DeviceHubError('sink_failed', message, { cause })
  })

async function textOf(file: string): Promise<string> {
  try {
    const handle = await openFile(file, O_RDONLY)
    return await handle.readFile('utf8').finally(() => handle.close())
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

async function usersIn(file: string): Promise<Set<string>> {
  const text = await textOf(file)
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
    throw foreignFile(file)
  }
}

const foreignFile = (file: string) =>
  new DeviceHubError('sink_failed', `${file} is no CSV file of this sink; move it away or correct it`)
