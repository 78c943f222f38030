import { type AnyDeviceType, DeviceHubError, isDeviceHubError } from '@devicehub/core'
import type { InMilliseconds } from '@devicehub/core/check'
import type { DeviceRecord } from '@devicehub/core/storage'
import { errorLine } from '@devicehub/core/transport'
import { assertDevice, assertType, checkExpiry } from '../credentials/check-request.js'
import type { SinkTeller } from '../credentials/tell-sinks.js'
import type { ProvisionHub } from '../provision-hub.js'
import { createBatchWriter, type ImportItem } from './batch-writer.js'
import { openOutput } from './import-output.js'
import { createTally, type ImportOptions, type ImportReport, type Tally } from './import-report.js'
import type { ImportSource, ReadRow } from './import-source.js'
import { numbering } from './numbered-ids.js'
import { readCsv } from './read-csv.js'
import { readJson } from './read-json.js'
import { SeenIds } from './seen-ids.js'
import { columnsOf, toNewDevice } from './to-new-device.js'

/** Devices created in one transaction; what is held of a source at a time. */
const BATCH = 500

export async function importDevices(
  hub: ProvisionHub,
  teller: SinkTeller,
  type: AnyDeviceType,
  source: ImportSource,
  options: InMilliseconds<ImportOptions>,
): Promise<ImportReport> {
  assertType(hub.types, type)
  const expiresAt = checkExpiry(options.expiresAt, hub.clock.now())
  const isCount = 'count' in source
  if (isCount) {
    assertDevice(hub, type, numbering(hub, type, source.prefix ?? '').idOf(source.count))
    if (options.rotate)
      throw new DeviceHubError(
        'invalid_options',
        'rotate is for devices that are named: give rows, csv or json',
      )
  }
  const { overlap = 0 } = options
  const tally = createTally(options)
  const output = await openOutput(type, options.output, source)
  const writeBatch = createBatchWriter({
    hub,
    teller,
    type,
    output,
    tally,
    expiresAt,
    rotate: options.rotate ?? false,
    overlap,
  })
  let complete = false
  try {
    if (isCount) await importCount(hub, type, source, options, writeBatch)
    else await importRows(hub, type, source, options, tally, writeBatch)
    complete = true
  } finally {
    await output.close(complete)
  }
  return tally.report(options.signal?.aborted ?? false)
}

type WriteBatch = ReturnType<typeof createBatchWriter>

async function importRows(
  hub: ProvisionHub,
  type: AnyDeviceType,
  source: Exclude<ImportSource, { count: number }>,
  { signal }: ImportOptions,
  tally: Tally,
  writeBatch: WriteBatch,
): Promise<void> {
  const seen = new SeenIds()
  let batch: ImportItem[] = []

  function take({ line, ...read }: ReadRow): void {
    const text = 'csv' in source
    try {
      if ('problem' in read) throw new DeviceHubError('invalid_payload', read.problem)
      const record = toNewDevice(type, read.row, { text, hub, now: hub.clock.now() })
      assertDevice(hub, type, record.deviceId)
      if (!seen.add(record.deviceId))
        throw new DeviceHubError('device_exists', 'an earlier row of the source has the same device_id')
      batch.push({ line, record })
    } catch (error) {
      tally.failed(line, 'row' in read ? read.row.device_id : undefined, error)
    }
  }

  for await (const read of readable(readRows(type, source))) {
    if (signal?.aborted) return
    take(read)
    if (batch.length < BATCH) continue
    await writeBatch(batch)
    batch = []
  }
  if (batch.length > 0 && !signal?.aborted) await writeBatch(batch)
  tally.progress()
}

/** Whatever the caller's own source throws; a file that cannot be read too. */
async function* readable(rows: AsyncIterable<ReadRow>): AsyncGenerator<ReadRow> {
  try {
    yield* rows
  } catch (cause) {
    if (isDeviceHubError(cause)) throw cause
    throw new DeviceHubError(
      'invalid_options',
      `importDevices: source could not be read completely: ${errorLine(cause)}`,
      { cause },
    )
  }
}

function readRows(
  type: AnyDeviceType,
  source: Exclude<ImportSource, { count: number }>,
): AsyncIterable<ReadRow> {
  if ('csv' in source) return readCsv(source.csv, columnsOf(type))
  if ('json' in source) return readJson(source.json)
  return numbered(source.rows)
}

function read(line: number, row: unknown): ReadRow {
  if (typeof row !== 'object' || row === null) return { line, problem: 'the row is not an object' }
  try {
    // A row of a class or a proxy may throw when it is read: that is a matter of the row alone.
    return { line, row: Object.fromEntries(Object.entries(row)) }
  } catch (cause) {
    return { line, problem: `the row cannot be read: ${errorLine(cause)}` }
  }
}

async function* numbered(rows: Iterable<object> | AsyncIterable<object>): AsyncGenerator<ReadRow> {
  let line = 0
  for await (const row of rows) {
    line++
    yield read(line, row)
  }
}

async function importCount(
  hub: ProvisionHub,
  type: AnyDeviceType,
  { count, prefix = '' }: Extract<ImportSource, { count: number }>,
  { signal }: ImportOptions,
  writeBatch: WriteBatch,
): Promise<void> {
  const { idOf, first } = numbering(hub, type, prefix)
  const { clock } = hub
  let number = await first()
  let row = 0
  let missing = count
  while (missing > 0 && !signal?.aborted) {
    const now = clock.now()
    const items = Array.from({ length: Math.min(BATCH, missing) }, (): ImportItem => {
      const record: DeviceRecord = toNewDevice(type, { device_id: idOf(number++) }, { text: false, hub, now })
      return { line: ++row, record }
    })
    // A number that somebody else has taken meanwhile is skipped.
    missing -= await writeBatch(items, { skipExisting: true })
  }
}
