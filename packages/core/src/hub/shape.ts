import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { DeviceHubError } from '../model/errors.js'
import { devicePages } from '../rules/each-device.js'
import { createShapeSampler, type ShapeSampler } from '../rules/shape-points.js'
import type { ApiStorage } from './api-storage.js'
import type { ShapePoint, ShapeResult } from './series-request.js'
import type { ShapeSettings } from './series-settings.js'

/** Of an answer, all readings and devices together. */
const POINTS_MAX = 100_000
const DEVICES = 200
const PAGE = 10_000

/** Goes through the samples device by device, page by page. */
export async function readShape(
  storage: Pick<ApiStorage, 'readings' | 'devices'>,
  type: AnyDeviceType,
  settings: ShapeSettings,
): Promise<ShapeResult> {
  const { fields, points, from, to, deviceIds } = settings
  const found = new Map<string, Readonly<Record<string, readonly ShapePoint[]>>>()
  for (const id of deviceIds ?? []) found.set(id, Object.fromEntries(fields.map((name) => [name, []])))
  let left = POINTS_MAX

  let current: string | null = null
  let samplers: readonly ShapeSampler[] = []
  const end = () => {
    const deviceId = current
    current = null
    if (deviceId === null) return
    const chosen = samplers.map((sampler) => sampler.points())
    const count = chosen.reduce((sum, of) => sum + of.length, 0)
    left -= count
    if (left < 0) throw tooMany()
    if (count === 0) return
    const shown = chosen.map((of) => of.map(({ at, value }) => ({ measuredAt: new Date(at), value })))
    found.set(deviceId, Object.fromEntries(fields.map((name, index) => [name, shown[index] ?? []])))
  }

  for await (const ids of devicesOf(storage, type, settings)) {
    let cursor: string | undefined
    do {
      const query = { deviceIds: ids, fields, from, to }
      const page = await storage.readings.scan(type, query, { limit: PAGE, cursor })
      for (const { deviceId, timestamp, values } of page.items) {
        if (deviceId !== current) {
          end()
          current = deviceId
          samplers = fields.map(() => createShapeSampler(from, to, points))
        }
        values.forEach((value, index) => {
          if (value !== null) samplers[index]?.add(timestamp, value as number)
        })
      }
      cursor = page.cursor ?? undefined
    } while (cursor !== undefined)
    end()
  }
  const series = [...found].map(([group, of]) => ({ group, points: of }))
  if (deviceIds === null) series.sort((a, b) => (a.group < b.group ? -1 : 1))
  return { source: 'raw', series }
}

async function* devicesOf(
  { devices }: Pick<ApiStorage, 'devices'>,
  type: AnyDeviceType,
  { devices: whose }: ShapeSettings,
): AsyncGenerator<readonly string[]> {
  if ('deviceIds' in whose) return yield whose.deviceIds
  for await (const page of devicePages(devices, type, whose.condition, DEVICES))
    yield page.map(({ deviceId }) => deviceId)
}

const tooMany = () =>
  new DeviceHubError(
    'invalid_query',
    `readings.series: these shapes have more than ${POINTS_MAX} points together: ask for fewer points, readings or devices at a time`,
    { details: { function: 'readings.series', key: 'points', maxPoints: POINTS_MAX } },
  )
