import { type AnyDeviceType, DeviceHubError, type NewDevice } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import type { Field } from '@devicehub/core/definition'
import { type DeviceRecord, newDeviceRecord } from '@devicehub/core/storage'
import { assertDeviceId } from '@devicehub/core/transport'
import type { ProvisionHub } from '../provision-hub.js'
import type { ImportRow } from './import-source.js'

const OWN_COLUMNS = ['device_id', 'name', 'metadata', 'labels']
/** Columns of CSV: `label.site`. */
const LABEL = 'label.'

export const columnsOf = (type: AnyDeviceType): readonly string[] => [
  ...OWN_COLUMNS,
  `${LABEL}<key>`,
  ...type.stateNames,
]

export interface ToDeviceOptions {
  /** The cells are text, as in CSV. */
  readonly text: boolean
  readonly hub: Pick<ProvisionHub, 'deviceIdMaxLength' | 'maxMetadata'>
  readonly now: number
}

/** `invalid_device_id` or `invalid_payload` for a row that cannot be a device. */
export function toNewDevice(
  type: AnyDeviceType,
  row: ImportRow,
  { text, hub, now }: ToDeviceOptions,
): DeviceRecord {
  const { device_id: deviceId, name, metadata, labels, ...others } = row
  const { labelled, state } = withoutLabels(others)
  if (deviceId === undefined) throw withoutId(type, row)
  assertDeviceId(deviceId, hub.deviceIdMaxLength)
  const device = {
    deviceId,
    status: 'provisioning',
    ...(name === undefined || name === null ? {} : { name }),
    metadata: toObject('metadata', text ? parseCell('metadata', metadata) : metadata),
    labels: { ...toObject('labels', text ? parseCell('labels', labels) : labels), ...labelled },
    state: text ? parseState(type, state) : state,
  }
  return newDeviceRecord(type, device as NewDevice, now, hub)
}

function withoutId(type: AnyDeviceType, row: ImportRow): DeviceHubError {
  const similar = Object.keys(row).find((name) => check.nearestKey(name, ['device_id']) !== undefined)
  const hint = similar === undefined ? '' : `; it has ${check.showText(similar)}: name it device_id`
  return new DeviceHubError(
    'invalid_device_id',
    `the row has no device_id${hint}. Known: ${columnsOf(type).join(', ')}`,
    { details: { field: 'device_id' } },
  )
}

/** Columns such as `label.site`, beside the others. */
function withoutLabels(row: ImportRow) {
  const isLabel = ([name]: readonly [string, unknown]) => name.startsWith(LABEL)
  const columns = Object.entries(row)
  return {
    labelled: Object.fromEntries(
      columns.filter(isLabel).map(([name, value]) => [name.slice(LABEL.length), value]),
    ),
    state: Object.fromEntries(columns.filter((column) => !isLabel(column))),
  }
}

function toObject(field: string, value: unknown): object {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw unfit(field, 'must be a JSON object')
  return value
}

function parseState(type: AnyDeviceType, cells: ImportRow): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(cells).map(([name, cell]) => {
      const field = Object.hasOwn(type.state, name) ? type.state[name] : undefined
      return [name, field === undefined ? cell : parseField(name, field, cell as string)]
    }),
  )
}

/** What does not parse stays a text: the field's own check then says what it must be. */
function parseField(name: string, { kind }: Field, cell: string): unknown {
  switch (kind) {
    case 'float':
    case 'integer':
      return numeric(cell)
    case 'datetime':
      return /^\d+$/.test(cell) ? Number(cell) : cell
    case 'boolean':
      return BOOLEANS.get(cell.toLowerCase()) ?? cell
    case 'json':
    case 'geo':
      return parseCell(name, cell)
    default:
      return cell
  }
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
])

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

const numeric = (cell: string): unknown => (NUMBER.test(cell) ? Number(cell) : cell)

function parseCell(name: string, cell: unknown): unknown {
  if (cell === undefined) return undefined
  try {
    return JSON.parse(cell as string)
  } catch {
    throw unfit(name, 'is not JSON')
  }
}

const unfit = (field: string, rule: string) =>
  new DeviceHubError('invalid_payload', `${field} ${rule}`, { details: { field } })
