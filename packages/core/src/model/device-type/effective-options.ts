import { accept, anything, type OptionRules, optional, options } from '../check/index.js'
import { DeviceHubError } from '../errors.js'
import { DEFAULT_POLICIES, DEFAULT_TYPE_OPTIONS } from './default-options.js'
import type { AnyDeviceType, IngestPolicies, TypeOptions } from './device-type.js'
import { takeOption } from './options.js'
import { deviceType } from './type-rule.js'

/**
 * All options of a type, with the default of each that neither the type nor `policies` sets: what the type says goes
 * before the policies. Durations are numbers of seconds. Of a hub that has policies of its own, `hub.typeOptions(type)` knows them. `invalid_options` for a
 * policy that cannot be.
 *
 * @example
 * import { effectiveOptions } from '@devicehub/core/definition'
 * import { WeatherStation } from './hub.js'
 *
 * effectiveOptions(WeatherStation).heartbeatInterval // 300, in seconds, unless the type says otherwise
 */
export function effectiveOptions(
  type: AnyDeviceType,
  policies: Partial<IngestPolicies> = {},
): TypeOptions<number> {
  accept('effectiveOptions', 'type', deviceType, type)
  const given = accept('effectiveOptions', 'policies', POLICIES, policies)
  return optionsOf(type, takePolicies('effectiveOptions', given))
}

/** The same for a hub, whose type and policies were looked at before. */
export function optionsOf(type: AnyDeviceType, policies: IngestPolicies<number>): TypeOptions<number> {
  const { earliestTime, ...rest } = { ...DEFAULT_TYPE_OPTIONS, ...policies, ...type.options }
  // A Date can be changed by whoever has it.
  return Object.freeze({ ...rest, earliestTime: new Date(earliestTime) })
}

/** Of a hub's options or other policies, the defaults filled in. `invalid_options` names the one that cannot be. */
export function takePolicies(call: string, given: Partial<IngestPolicies>): IngestPolicies<number> {
  const set = Object.entries(given).filter(([name, value]) => name in DEFAULT_POLICIES && value !== undefined)
  const taken = set.map(([name, value]): [string, unknown] => [
    name,
    takeOption(
      name as keyof IngestPolicies,
      value,
      (rule) =>
        new DeviceHubError('invalid_options', `${call}: ${name} must be ${rule}`, {
          details: { function: call, key: name, expected: rule },
        }),
    ),
  ])
  return { ...DEFAULT_POLICIES, ...Object.fromEntries(taken) }
}

/** The names alone: `takePolicies` looks at the values with the types' own rules. */
export const POLICY_NAMES = Object.fromEntries(
  Object.keys(DEFAULT_POLICIES).map((name) => [name, optional(anything())]),
) as OptionRules<Partial<IngestPolicies>>

const POLICIES = options<Partial<IngestPolicies>>(
  POLICY_NAMES,
  "an object of policies such as { outOfRange: 'reject' }",
)
