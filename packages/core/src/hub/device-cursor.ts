import { contentHash, nameSeeds } from '../ingest/content-hash.js'
import { accept, integer, options, orNull, satisfies, text } from '../model/check/index.js'
import { DeviceHubError } from '../model/errors.js'
import type { Condition } from '../model/selector/condition.js'
import type { DevicePosition, DeviceSort } from '../ports/devices.js'

/** Behind which device of which type a list goes on. */
export interface DevicePlace extends DevicePosition {
  readonly typeKey: string
}

/** Of one list: its cursors belong to no other. */
export interface ListIdentity {
  /** What is asked of each type, relative times as of the same moment. */
  readonly conditions: readonly { readonly typeKey: string; readonly condition: Condition }[]
  readonly sort: DeviceSort
  /** Within which it was asked for; null: in none. */
  readonly scope: string | null
}

type Written = readonly [list: number, value: DevicePosition['value'], deviceId: string, typeKey: string]

export const writeDeviceCursor = (list: ListIdentity, { value, deviceId, typeKey }: DevicePlace): string =>
  Buffer.from(JSON.stringify([hashOf(list), value, deviceId, typeKey] satisfies Written)).toString(
    'base64url',
  )

/** `invalid_query` for what `writeDeviceCursor` did not write, and for the cursor of another list. */
export function readDeviceCursor(call: string, list: ListIdentity, cursor: string): DevicePlace {
  const [of, value, deviceId, typeKey] = written(call, cursor)
  if (of !== hashOf(list))
    throw badCursor(call, 'belongs to a list with another selector, order or scope', cursor)
  return { value, deviceId, typeKey }
}

const PLACE = options<{ list: number; value: DevicePosition['value']; deviceId: string; typeKey: string }>({
  list: integer({ min: 0 }),
  value: orNull(
    satisfies<string | number | boolean>(
      'a number, a text, true or false',
      (value) => ['string', 'boolean'].includes(typeof value) || Number.isFinite(value),
    ),
  ),
  deviceId: text({ max: 128 }),
  typeKey: text({ max: 64 }),
})

function written(call: string, cursor: string): Written {
  try {
    const [list, value, deviceId, typeKey] = JSON.parse(
      Buffer.from(cursor, 'base64url').toString(),
    ) as Written
    const place = accept(call, 'cursor', PLACE, { list, value, deviceId, typeKey })
    return [place.list, place.value, place.deviceId, place.typeKey]
  } catch {
    throw badCursor(call, 'is not one that this hub gave out', cursor)
  }
}

const badCursor = (call: string, problem: string, cursor: string) =>
  new DeviceHubError('invalid_query', `${call}: cursor ${problem}. Start again without a cursor.`, {
    details: { function: call, key: 'cursor', cursor: cursor.slice(0, 200) },
  })

const SEEDS = nameSeeds(['list'])

const hashOf = ({ conditions, sort, scope }: ListIdentity): number =>
  contentHash(SEEDS, [
    JSON.stringify([
      conditions.map(({ typeKey, condition }) => [typeKey, canonical(condition)]),
      sort,
      scope,
    ]),
  ])

/** The same text for parts in another order: a selector of the same keys is the same query. */
export function canonical(condition: Condition): string {
  switch (condition.kind) {
    case 'all':
    case 'any':
      return `${condition.kind}(${condition.of.map(canonical).sort().join()})`
    case 'not':
      return `not(${canonical(condition.of)})`
    default:
      return JSON.stringify(condition)
  }
}
