import {
  list,
  Misfit,
  number,
  options,
  partOf,
  type Rule,
  satisfies,
  text,
  word,
} from '../model/check/index.js'
import { isStorableText } from '../model/codec/text.js'
import {
  CONDITION_KINDS,
  type Condition,
  DEVICE_COLUMNS,
  type DeviceValue,
  RELATIONS,
} from '../model/selector/condition.js'
import type { StoredValue } from '../model/values.js'

/** Conditions within each other: more than any selector makes. */
const DEPTH_MAX = 64
const PARTS_MAX = 10_000

const EXPECTED = 'a condition: what a selector says, as storages get it'
const KIND = partOf<Pick<Condition, 'kind'>>({ kind: word(...CONDITION_KINDS) }, EXPECTED)

const column = options<DeviceValue & { readonly of: 'device' }>({
  of: word('device'),
  name: word(...DEVICE_COLUMNS),
})
const named = options<Exclude<DeviceValue, { readonly of: 'device' }>>({
  of: word('state', 'reading', 'label'),
  name: text({ max: 128 }),
})
const ownerOf = partOf<{ readonly of: DeviceValue['of'] }>(
  { of: word('device', 'state', 'reading', 'label') },
  'a value that a device has',
)
export const deviceValue: Rule<DeviceValue> = {
  expected: ownerOf.expected,
  take: (value, at) => (ownerOf.take(value, at).of === 'device' ? column : named).take(value, at),
}

/** What is compared with, or sorted by. */
export const comparedValue = satisfies<Exclude<StoredValue, null>>(
  'a number, a text, true or false',
  (value) =>
    typeof value === 'boolean' ||
    Number.isFinite(value) ||
    (typeof value === 'string' && isStorableText(value)),
)

type Of<Kind extends Condition['kind']> = Condition & { readonly kind: Kind }

/** What a storage is asked for. */
export const condition: Rule<Condition> = conditionAt(0)

function conditionAt(depth: number): Rule<Condition> {
  return {
    expected: EXPECTED,
    take(value, at) {
      if (depth > DEPTH_MAX) throw new Misfit(at, `is more than ${DEPTH_MAX} conditions deep`, EXPECTED)
      const { kind } = KIND.take(value, at)
      return ruleOf(kind, depth).take(value, at)
    },
  }
}

const conditionsAt = (depth: number) => list(conditionAt(depth), { max: PARTS_MAX })

function ruleOf(kind: Condition['kind'], depth: number): Rule<Condition> {
  switch (kind) {
    case 'all':
      return options<Of<'all'>>({ kind: word(kind), of: conditionsAt(depth + 1) })
    case 'any':
      return options<Of<'any'>>({ kind: word(kind), of: conditionsAt(depth + 1) })
    case 'not':
      return options<Of<'not'>>({ kind: word(kind), of: conditionAt(depth + 1) })
    default:
      return LEAVES[kind]
  }
}

const LEAVES: { readonly [Kind in Exclude<Condition['kind'], 'all' | 'any' | 'not'>]: Rule<Condition> } = {
  oneOf: options<Of<'oneOf'>>({
    kind: word('oneOf'),
    value: deviceValue,
    values: list(comparedValue, { max: PARTS_MAX }),
  }),
  compare: options<Of<'compare'>>({
    kind: word('compare'),
    value: deviceValue,
    relation: word(...RELATIONS),
    with: number(),
  }),
  absent: options<Of<'absent'>>({ kind: word('absent'), value: deviceValue }),
  search: options<Of<'search'>>({ kind: word('search'), text: text({ min: 0, max: 255 }) }),
  inSync: options<Of<'inSync'>>({ kind: word('inSync') }),
}
