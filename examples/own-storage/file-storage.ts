import type { AnyDeviceType, MessageRef } from '@devicehub/core'
import {
  addToLatest,
  aggregateField,
  aggregateSamples,
  bytesOf,
  type Condition,
  changeLabels,
  checkValues,
  createLatestBudget,
  type DevicePatch,
  type DeviceRecord,
  defineStorage,
  deviceExists,
  type JudgedDevice,
  judgeDevice,
  type LatestRow,
  latestRowOf,
  latestTime,
  liveStateOf,
  NEWEST_FIRST,
  type NewSample,
  outOfScope,
  overviewOf,
  PAGE_BYTES,
  pageOf,
  pageOfDevices,
  planCommit,
  type ReadingFilter,
  ROW_BYTES,
  readCursor,
  readNumericCursor,
  type StorageAdapter,
  sortDevices,
  type TelemetryStorage,
  unknownStateField,
  usernameTaken,
  writeCursor,
} from '@devicehub/core/storage'
import { type Change, type MessageRow, Tables } from './tables.js'

/** A storage in one file, for one process: what a gateway measured, or the copy that a consumer keeps. Telemetry alone. */
export const fileStorage = (file: string): StorageAdapter =>
  defineStorage('file', ({ types }) => storageOn(new Tables(file, types), types))

function storageOn(tables: Tables, types: readonly AnyDeviceType[]): TelemetryStorage {
  const devicesOf = (type: AnyDeviceType) => [...tables.of(type).devices.values()].sort(byCreation)

  const samplesOf = (type: AnyDeviceType, { deviceId, from, to, within }: ReadingFilter) =>
    tables
      .of(type)
      .samples.filter((one) => deviceId === undefined || one.deviceId === deviceId)
      .filter((one) => isShown(type, one, within))
      .filter((one) => one.timestamp >= (from ?? one.timestamp) && one.timestamp < (to ?? Infinity))
      .sort((a, b) => a.timestamp - b.timestamp || a.id - b.id)

  function messagesOf(of: readonly (AnyDeviceType | null)[], cursor: string | null): MessageRow[] {
    const after = cursor === null ? 0 : readNumericCursor('log', cursor).key
    for (const type of of) if (type) tables.of(type)
    const keys = of.map((type) => type?.key ?? null)
    return tables.messages.filter(({ id, typeKey }) => id > after && keys.includes(typeKey))
  }

  const messageOf = (ref: MessageRef) =>
    tables.messages.find(({ id, typeKey }) => String(id) === ref.id && typeKey === ref.typeKey)

  function checked(type: AnyDeviceType, device: DeviceRecord): Change {
    const { deviceId, state, mqttUsername } = device
    checkValues(`The state of ${deviceId}`, type.state, type.stateNames, state)
    const holder = devicesOf(type).find((one) => mqttUsername !== null && one.mqttUsername === mqttUsername)
    if (holder && holder.deviceId !== deviceId) throw usernameTaken(type, [deviceId])
    return ['device', type.key, device]
  }

  function add(type: AnyDeviceType, devices: readonly DeviceRecord[]): void {
    const { devices: known } = tables.of(type)
    const missing = new Map<string, Change>()
    for (const device of devices)
      if (!known.has(device.deviceId) && !missing.has(device.deviceId))
        missing.set(device.deviceId, checked(type, device))
    tables.write([...missing.values()])
  }

  const judged = (type: AnyDeviceType, record: DeviceRecord): JudgedDevice => ({
    record,
    lastValues: () => tables.of(type).latest.get(record.deviceId)?.values ?? [],
    // It keeps no desired state.
    isInSync: () => true,
  })

  const matching = (type: AnyDeviceType, condition: Condition): JudgedDevice[] =>
    devicesOf(type)
      .map((record) => judged(type, structuredClone(record)))
      .filter((device) => judgeDevice(type, condition, device))

  /** The devices of these ids that are in the scope, where one is given. */
  const find = (type: AnyDeviceType, ids: readonly string[], within?: Condition): DeviceRecord[] =>
    [...new Set(ids)]
      .flatMap((id) => tables.of(type).devices.get(id) ?? [])
      .filter((record) => within === undefined || judgeDevice(type, within, judged(type, record)))

  function isShown(type: AnyDeviceType, sample: NewSample, within?: Condition): boolean {
    if (within === undefined) return true
    return find(type, [sample.deviceId], within).length > 0
  }

  function isMessageShown({ typeKey, deviceId, processedAt }: MessageRow, within?: Condition): boolean {
    if (within === undefined) return true
    const type = types.find(({ key }) => key === typeKey)
    const [device] = type && deviceId !== null ? find(type, [deviceId], within) : []
    return device !== undefined && processedAt >= device.createdAt
  }

  /** All or nothing: the row of each device after the change, which stays in the scope. */
  const changed = (
    type: AnyDeviceType,
    devices: readonly DeviceRecord[],
    patch: DevicePatch,
    now: number,
    within?: Condition,
  ): Change[] =>
    devices.map((device) => {
      const next = patched(type, device, patch, now)
      if (within !== undefined && !judgeDevice(type, within, judged(type, next)))
        throw outOfScope(type, device.deviceId)
      return checked(type, next)
    })

  return {
    devices: {
      async create(type, device) {
        if (tables.of(type).devices.has(device.deviceId)) throw deviceExists(type, device.deviceId)
        add(type, [device])
      },
      ensure: async (type, devices) => add(type, devices),
      find: async (type, ids, within) => structuredClone(find(type, ids, within)),
      list: async (type, condition, request) =>
        pageOfDevices(sortDevices(type, request.sort ?? NEWEST_FIRST, matching(type, condition)), request),
      count: async (type, condition, max) => Math.min(max, matching(type, condition).length),
      overview: async (type, condition, request) =>
        overviewOf(
          matching(type, condition).map(({ record }) => record),
          request,
        ),
      async overdue(type, { before, statuses, ...page }) {
        const rows = devicesOf(type)
          .filter(({ isActive, status }) => isActive && statuses.includes(status))
          .filter(({ lastSeen }) => lastSeen !== null && lastSeen < before)
          .filter(({ statusAt }) => statusAt === null || statusAt < before)
        return pageOf(after(rows, page.cursor), page, OVERDUE)
      },
      async setBack(type, { after: limit, now }) {
        const rows = devicesOf(type).flatMap((device) => {
          const back = (time: number | null) => (time !== null && time > limit ? now : time)
          const { lastSeen, statusAt } = device
          if (back(lastSeen) === lastSeen && back(statusAt) === statusAt) return []
          return [
            ['device', type.key, { ...device, lastSeen: back(lastSeen), statusAt: back(statusAt) }] as const,
          ]
        })
        tables.write(rows)
        return rows.length
      },
      async update(type, deviceId, patch, now, within) {
        tables.write(changed(type, find(type, [deviceId], within), patch, now, within))
        return structuredClone(find(type, [deviceId], within)[0] ?? null)
      },
      async updateMany(type, ids, patch, now, within) {
        const devices = find(type, ids, within)
        tables.write(changed(type, devices, patch, now, within))
        return devices.map(({ deviceId }) => deviceId)
      },
      async delete(type, deviceId, _now, within) {
        if (find(type, [deviceId], within).length === 0) return false
        tables.write([['gone', type.key, deviceId]])
        return true
      },
    },

    readings: {
      async list(type, { order = 'desc', ...filter }, page) {
        const from = page.cursor === undefined ? null : readNumericCursor('readings', page.cursor)
        const step = order === 'asc' ? 1 : -1
        const rows = samplesOf(type, filter).filter(
          ({ timestamp, id }) => from === null || (timestamp - from.key || id - from.tie) * step > 0,
        )
        return pageOf(order === 'asc' ? rows : rows.reverse(), page, {
          toItem: withTextId,
          cursorOf: ({ timestamp, id }) => writeCursor('readings', timestamp, id),
          bytesOf: ({ values }) => bytesOf(...values),
        })
      },
      async latest(type, deviceIds, within) {
        const { latest, samples } = tables.of(type)
        const devices = new Set(find(type, deviceIds, within).map(({ deviceId }) => deviceId))
        const ids = [...new Set(deviceIds)].filter((id) => within === undefined || devices.has(id))
        const budget = createLatestBudget(`the last values of ${type.name}`, ids.length)
        return ids.flatMap((id) => {
          const isKept = type.options.lastValues !== false
          const row = isKept ? latest.get(id) : latestOf(samples.filter(({ deviceId }) => deviceId === id))
          if (!row) return []
          budget.take(ROW_BYTES + bytesOf(...row.values))
          const values = row.values.map((value, index) =>
            value === null
              ? null
              : { value: structuredClone(value), at: latestTime(row, index) ?? row.orderAt },
          )
          return [{ deviceId: id, orderAt: row.orderAt, values }]
        })
      },
      async latestSamples(type, deviceIds, within) {
        const last = tables.of(type).latestSamples(type.options.lastValues !== false)
        const ids = [...new Set(deviceIds)]
        const budget = createLatestBudget(`the latest samples of ${type.name}`, ids.length)
        const found = ids
          .flatMap((id) => last.get(id) ?? [])
          .filter((sample) => isShown(type, sample, within))
        for (const { values } of found) budget.take(ROW_BYTES + bytesOf(...values))
        return found.map(withTextId)
      },
      async aggregate(type, query) {
        aggregateField(type, query)
        const place = type.readingNames.indexOf(query.field)
        const rows = samplesOf(type, query)
        return aggregateSamples(
          query,
          rows.map((row) => ({ ...row, value: structuredClone(row.values[place] ?? null) })),
        )
      },
    },

    messages: {
      async list(type, { deviceId, status, channel, from, to, within }, page) {
        const before = page.cursor === undefined ? Infinity : readNumericCursor('messages', page.cursor).key
        const rows = messagesOf([type], null)
          .filter((row) => isMessageShown(row, within))
          .filter((row) => row.id < before && (deviceId === undefined || row.deviceId === deviceId))
          .filter((row) => status === undefined || row.status === status)
          .filter((row) => channel === undefined || row.channel === channel)
          .filter((row) => row.receivedAt >= (from ?? row.receivedAt) && row.receivedAt < (to ?? Infinity))
        const cursorOf = ({ id }: MessageRow) => writeCursor('messages', id, 0)
        return pageOf(rows.reverse(), page, { toItem: withTextId, cursorOf, bytesOf: bytesOfMessage })
      },
      async get(ref, within) {
        const row = messageOf(ref)
        return row && isMessageShown(row, within) ? withTextId(row) : null
      },
    },

    log: {
      async read(of, cursor, limit, maxBytes = PAGE_BYTES) {
        const rows = messagesOf(of, cursor)
        const toRow = { toItem: (row: MessageRow) => row, cursorOf: () => '', bytesOf: bytesOfMessage }
        const { items } = pageOf(rows, { limit, maxBytes }, toRow)
        return {
          messages: items.map(withTextId),
          cursor: items.length === 0 ? (cursor ?? placeBehind(0)) : placeBehind(items.at(-1)?.id ?? 0),
          ...(items.length < Math.min(limit, rows.length) && { more: true }),
        }
      },
      end: async () => placeBehind(tables.lastMessage),
      async seek(of, time) {
        const first = messagesOf(of, null).find(({ receivedAt }) => receivedAt >= time)
        return placeBehind(first ? first.id - 1 : tables.lastMessage)
      },
      count: async (of, cursor, max) => Math.min(max, messagesOf(of, cursor).length),
    },

    // A row says by itself what it holds: there is no schema to change.
    async plan() {
      tables.open()
      return { steps: [] }
    },
    async migrate() {
      tables.open()
      return { steps: [] }
    },

    async commit(batch) {
      for (const { type } of [...batch.entries, ...batch.touches, ...batch.changes]) if (type) tables.of(type)
      const plan = planCommit(batch, {
        device(type, deviceId) {
          const device = tables.of(type).devices.get(deviceId)
          return device ? liveStateOf(device) : null
        },
        message: (ref) => messageOf(ref) ?? null,
        identity: (type, sample) => tables.of(type).identities.find(sample),
      })
      const before = tables.lastMessage
      tables.write([
        ...plan.replayed.map(({ id }): Change => ['replayed', Number(id)]),
        ...plan.samples.map(
          ({ type, sample, orderLimit }): Change => ['sample', type.key, sample, orderLimit],
        ),
        ...plan.messages.map(
          ({ type, message }): Change => ['message', { ...message, typeKey: type?.key ?? null }],
        ),
        ...plan.devices.map(
          ({ type, deviceId, live }): Change => ['device', type.key, { deviceId, ...live }],
        ),
      ])
      const messageIds = batch.entries.map((_, entry) => String(before + 1 + entry))
      return { ...plan.result, ...(batch.wantsIds && { messageIds }) }
    },

    async applyRetention(now, { unroutedBefore } = {}) {
      const gone = { readings: 0, messages: 0 }
      for (const type of types) {
        const { readings = Infinity, messages = Infinity } = type.options.retention ?? {}
        const [readingsBefore, messagesBefore] = [keptFrom(now, readings), keptFrom(now, messages)]
        const count = () => [tables.of(type).samples.length, messagesOf([type], null).length] as const
        const before = count()
        tables.write([['expired', type.key, readingsBefore, messagesBefore]])
        gone.readings += before[0] - count()[0]
        gone.messages += before[1] - count()[1]
      }
      if (unroutedBefore !== undefined) {
        const before = messagesOf([null], null).length
        tables.write([['expired', null, keptFrom(now, Infinity), unroutedBefore]])
        gone.messages += before - messagesOf([null], null).length
      }
      return gone
    },

    close: async () => tables.close(),
  }
}

/** JSON has no infinity. */
const keptFrom = (now: number, seconds: number) => Math.max(now - seconds * 1000, Number.MIN_SAFE_INTEGER)

const placeBehind = (message: number) => writeCursor('log', message, 0)

/** Copied, as whatever is answered: who has it may change it, bytes above all. */
const withTextId = <Row extends { readonly id: number }>(row: Row) => ({
  ...structuredClone(row),
  id: String(row.id),
})

const bytesOfMessage = ({ topic, payloadJson, payloadRaw, userProperties }: MessageRow) =>
  bytesOf(topic, payloadJson, payloadRaw, userProperties)

type Creation = Pick<DeviceRecord, 'createdAt' | 'deviceId'>
const byCreation = (a: Creation, b: Creation) =>
  a.createdAt - b.createdAt || (a.deviceId < b.deviceId ? -1 : a.deviceId > b.deviceId ? 1 : 0)

/** The overdue devices behind a cursor. */
function after(rows: DeviceRecord[], cursor: string | undefined): DeviceRecord[] {
  if (cursor === undefined) return rows
  const { key, tie } = readCursor('overdue', cursor)
  return rows.filter((row) => byCreation(row, { createdAt: key, deviceId: tie }) > 0)
}

const OVERDUE = {
  toItem: (row: DeviceRecord) => structuredClone(row),
  cursorOf: ({ createdAt, deviceId }: DeviceRecord) => writeCursor('overdue', createdAt, deviceId),
  bytesOf: ({ metadata, state }: DeviceRecord) => bytesOf(metadata, ...state),
}

function patched(
  type: AnyDeviceType,
  device: DeviceRecord,
  { state = {}, labels = {}, ...columns }: DevicePatch,
  now: number,
): DeviceRecord {
  const values = [...device.state]
  for (const [name, value] of Object.entries(state)) {
    if (!type.stateNames.includes(name)) throw unknownStateField(type, name)
    values[type.stateNames.indexOf(name)] = value
  }
  const given = Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined))
  const changed = { labels: changeLabels(device.deviceId, device.labels, labels), state: values }
  return { ...device, ...given, ...changed, updatedAt: now }
}

function latestOf(samples: readonly NewSample[]): LatestRow | undefined {
  const [first, ...later] = samples
  const row = first && latestRowOf(first)
  if (row) for (const sample of later) addToLatest(row, sample)
  return row
}
