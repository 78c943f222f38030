import { accept, meant, recordOf, showText, showValue } from '../check/index.js'
import { DeviceHubError } from '../errors.js'
import type { Commands } from './command.js'
import type { AnyCommand, AnyDeviceType, AnyHooks } from './device-type.js'
import type { Field } from './field.js'
import { fitDefault } from './fit-default.js'
import { formerNamesOf } from './former-names.js'
import type { Hooks } from './hooks.js'
import { isDeviceType } from './is-device-type.js'
import type { Merge, PartOf } from './merge.js'
import {
  checkNames,
  checkTypeName,
  type DeviceTypeKey,
  type NamedPart,
  type RESERVED_READINGS,
  type RESERVED_STATE,
} from './names.js'
import {
  assertCommandNarrows,
  assertNarrows,
  type NarrowingCommands,
  type NarrowingFields,
} from './narrowing.js'
import { checkOptions, OPTION_NAMES, type TypeOptionsInput } from './options.js'
import type { ReadingFields, StateFields } from './typed-field.js'

/** A device type with all that was declared in its types. Assignable to `AnyDeviceType`. */
export interface DeviceType<
  Name extends string = string,
  Readings extends AnyDeviceType['readings'] = AnyDeviceType['readings'],
  Cmds extends AnyDeviceType['commands'] = AnyDeviceType['commands'],
  State extends AnyDeviceType['state'] = AnyDeviceType['state'],
> extends AnyDeviceType {
  /** As declared. */
  readonly name: Name
  /** The name in lower case without `_`: the type in topics and the beginning of its tables. */
  readonly key: DeviceTypeKey<Name>
  /** The declared readings by name, with those of the type it extends. */
  readonly readings: Readings
  /** The declared commands by name, with those of the type it extends. */
  readonly commands: Cmds
  /** The declared state fields by name, with those of the type it extends. */
  readonly state: State
}

type Empty = Record<never, never>

/** A reserved name is an error at its own line, with a sentence for a type. */
type WithoutReserved<Fields, Reserved extends string> = {
  readonly [Name in keyof Fields]: Lowercase<Name & string> extends Reserved
    ? `"${Name & string}" is reserved; choose another name`
    : Fields[Name]
}

/** What a device type is declared with. All of it is optional. */
export interface DeviceTypeDefinition<
  Parent extends AnyDeviceType | undefined,
  Readings extends ReadingFields,
  Cmds extends Commands,
  State extends StateFields,
> extends TypeOptionsInput {
  /** What devices measure: `reading.float({ unit: '°C' })` and its siblings, by name. */
  readonly readings?:
    | (Readings &
        WithoutReserved<Readings, (typeof RESERVED_READINGS)[number]> &
        NarrowingFields<PartOf<Parent, 'readings'>, Readings>)
    | undefined
  /** What devices can be told to do: `command({ payload })`, by name. */
  readonly commands?: (Cmds & NarrowingCommands<PartOf<Parent, 'commands'>, Cmds>) | undefined
  /** What devices are set to: `state.enum([...], { default })` and its siblings, by name. */
  readonly state?:
    | (State &
        WithoutReserved<State, (typeof RESERVED_STATE)[number]> &
        NarrowingFields<PartOf<Parent, 'state'>, State>)
    | undefined
  /**
   * Takes over all of another type: fields, commands, options and hooks. What is declared here wins; a field or a
   * command of the same name may only narrow what it inherits.
   */
  readonly extends?: Parent
  /** Default false. An abstract type has no tables and no topics: it is there to be extended. Not inherited. */
  readonly abstract?: boolean | undefined
  /** Called after the commit of what they are told of. */
  readonly hooks?:
    | Hooks<{
        readings: Merge<PartOf<Parent, 'readings'>, Readings>
        commands: Merge<PartOf<Parent, 'commands'>, Cmds>
        state: Merge<PartOf<Parent, 'state'>, State>
      }>
    | undefined
}

/**
 * Declares a device type: a frozen value, without I/O. Everything else is made from it. Mistakes throw `invalid_definition`.
 *
 * @example
 * import { command, defineDeviceType, reading, state } from '@devicehub/core'
 *
 * export const WeatherStation = defineDeviceType('weatherstation', {
 *   heartbeatInterval: 300,
 *   readings: { temperature: reading.float({ unit: '°C', range: [-40, 80] }) },
 *   commands: { reboot: command() },
 *   state: { recording_mode: state.enum(['continuous', 'burst'], { default: 'continuous' }) },
 *   hooks: { onData: ({ device, readings }) => console.log(device.deviceId, readings.temperature) },
 * })
 */
export function defineDeviceType<
  const Name extends string,
  Readings extends ReadingFields = Empty,
  Cmds extends Commands = Empty,
  State extends StateFields = Empty,
  Parent extends AnyDeviceType | undefined = undefined,
>(
  name: Name,
  given: DeviceTypeDefinition<Parent, Readings, Cmds, State> = {},
): DeviceType<
  Name,
  Merge<PartOf<Parent, 'readings'>, Readings>,
  Merge<PartOf<Parent, 'commands'>, Cmds>,
  Merge<PartOf<Parent, 'state'>, State>
> {
  const key = checkTypeName(name)
  const definition = readPart(name, 'definition', given) as typeof given
  assertKnownKeys(name, definition)
  const parent = definition.extends
  if (parent !== undefined && !isDeviceType(parent)) {
    throw invalid(name, `extends must be a device type made by defineDeviceType, not ${showValue(parent)}`)
  }
  const own = <Member>(part: 'readings' | 'commands' | 'state') =>
    readPart(name, part, definition[part] ?? {}) as Readonly<Record<string, Member>>
  const readings = merge<Field>(name, 'reading', parent?.readings, own('readings'))
  const commands = merge<AnyCommand>(name, 'command', parent?.commands, own('commands'))
  const state = merge<Field>(name, 'state field', parent?.state, own('state'))
  assertFields(name, readings)
  assertFields(name, state)
  assertCommands(name, commands)
  compareRedefined(parent?.readings, readings, (...both) => assertNarrows(name, ...both))
  compareRedefined(parent?.state, state, (...both) => assertNarrows(name, ...both))
  compareRedefined(parent?.commands, commands, (...both) => assertCommandNarrows(name, ...both))
  const type: AnyDeviceType = {
    kind: 'device-type',
    name,
    key,
    abstract: definition.abstract === true,
    ancestors: Object.freeze(parent === undefined ? [] : [parent.key, ...(parent.ancestors ?? [])]),
    readings,
    readingNames: Object.freeze(Object.keys(readings)),
    commands,
    state,
    stateNames: Object.freeze(Object.keys(state)),
    options: Object.freeze({ ...parent?.options, ...checkOptions(name, definition) }),
    hooks: Object.freeze({
      ...parent?.hooks,
      ...checkHooks(name, readPart(name, 'hooks', definition.hooks ?? {})),
    }),
  }
  // The merged types exist only for the compiler; the value was built from the same parts.
  return Object.freeze(type) as ReturnType<typeof defineDeviceType<Name, Readings, Cmds, State, Parent>>
}

/** An object of the definition, each member read once. */
const readPart = (
  name: string,
  part: keyof typeof PARTS,
  given: unknown,
): Readonly<Record<string, unknown>> => accept(name, part, recordOf(PARTS[part]), given, 'invalid_definition')

/** What each of them is, for who gave something else. */
const PARTS = {
  definition: 'an object of options such as { readings: { temperature: reading.float() } }',
  readings: 'an object of fields by name such as { temperature: reading.float() }',
  commands: 'an object of commands by name such as { reboot: command() }',
  state: 'an object of fields by name such as { interval: state.integer() }',
  hooks: 'an object of functions by name such as { onData({ device, readings }) {} }',
}

const KEYS: readonly string[] = [
  'readings',
  'commands',
  'state',
  'hooks',
  'extends',
  'abstract',
  ...OPTION_NAMES,
]

function assertKnownKeys(name: string, definition: object): void {
  for (const [key, value] of Object.entries(definition)) {
    if (value !== undefined && !KEYS.includes(key)) {
      throw invalid(
        name,
        `there is no option ${showText(key)}${meant(key, KEYS)}; the options are ${KEYS.join(', ')}`,
      )
    }
  }
}

/** Inherited names first, then as declared. Without a prototype, so that a look-up by an outside name finds only what was declared. */
function merge<Member>(
  typeName: string,
  part: NamedPart,
  inherited: Readonly<Record<string, Member>> = {},
  own: Readonly<Record<string, Member>> = {},
): Readonly<Record<string, Member>> {
  const merged: Record<string, Member> = Object.create(null)
  const members = [...Object.entries(inherited), ...Object.entries(own)]
  for (const [name, member] of members)
    Object.defineProperty(merged, name, {
      value: member,
      enumerable: true,
      configurable: true,
      writable: true,
    })
  checkNames(typeName, part, Object.keys(merged))
  return Object.freeze(merged)
}

function compareRedefined<Member>(
  inherited: Readonly<Record<string, Member>> = {},
  own: Readonly<Record<string, Member>>,
  compare: (name: string, inherited: Member, own: Member) => void,
): void {
  for (const [name, member] of Object.entries(inherited)) {
    const redefined = own[name] as Member
    if (redefined !== member) compare(name, member, redefined)
  }
}

function assertFields(typeName: string, fields: Readonly<Record<string, Field>>): void {
  const names = Object.keys(fields)
  /** Who had a name before, in lower case. */
  const former = new Map<string, string>()
  for (const name of names) {
    const field = fields[name] as Field
    if (!hasMembers(field, 'kind', 'nullable')) {
      throw invalid(
        typeName,
        `"${name}" is no field; declare it with reading.float() or state.float() and their siblings`,
      )
    }
    for (const formerName of formerNamesOf(field)) {
      const key = formerName.toLowerCase()
      if (names.some((other) => other.toLowerCase() === key))
        throw invalid(
          typeName,
          `"${name}" is renamedFrom "${formerName}", which is still declared; remove one of the two`,
        )
      const other = former.get(key)
      if (other !== undefined)
        throw invalid(
          typeName,
          `"${name}" and "${other}" are both renamedFrom "${formerName}"; one of them was`,
        )
      former.set(key, name)
    }
    if (field.default !== null) fitDefault(typeName, name, field)
  }
}

function assertCommands(typeName: string, commands: Readonly<Record<string, unknown>>): void {
  for (const [name, member] of Object.entries(commands)) {
    if (!hasMembers(member, 'payload', 'qos')) {
      throw invalid(typeName, `"${name}" is no command; declare it with command()`)
    }
  }
}

function hasMembers(value: unknown, ...names: readonly string[]): boolean {
  try {
    return typeof value === 'object' && value !== null && names.every((name) => name in value)
  } catch {
    return false
  }
}

const HOOKS = ['onData', 'onStatusChange', 'onConnect', 'onDisconnect', 'onCommandResponse']

function checkHooks(typeName: string, hooks: object = {}): AnyHooks {
  const set = Object.entries(hooks).filter(([, hook]) => hook !== undefined)
  for (const [name, hook] of set) {
    if (!HOOKS.includes(name))
      throw invalid(
        typeName,
        `there is no hook ${showText(name)}${meant(name, HOOKS)}; the hooks are ${HOOKS.join(', ')}`,
      )
    if (typeof hook !== 'function') throw invalid(typeName, `the hook ${name} is not a function`)
  }
  return Object.fromEntries(set)
}

const invalid = (typeName: string, message: string) =>
  new DeviceHubError('invalid_definition', `${typeName}: ${message}`, { details: { type: typeName } })
