import { jsonCodec } from '../codec/json.js'
import { ID_FIELD, TIMESTAMP_FIELD } from '../codec/sample-head.js'
import type { AnyDeviceType, IngestPolicies, TypeOptions } from './device-type.js'

/** Seconds between two signs of life of a device, where its type says nothing. */
export const DEFAULT_HEARTBEAT_INTERVAL = 300

/** How many heartbeat intervals without a sign of life make a device overdue, where nobody says otherwise. */
export const DEFAULT_HEARTBEAT_MULTIPLIER = 2.5

/** Where a type says nothing of its topics. */
export const DEFAULT_TOPIC_TEMPLATE = '{prefix}/{type_name}/{device_id}/{channel}'

/** What a hub goes by where neither it nor a type says otherwise. */
export const DEFAULT_POLICIES: IngestPolicies<number> = Object.freeze({
  unknownDevice: 'quarantine',
  unknownField: 'ignore',
  outOfRange: 'flag',
  badReading: 'flag',
  clockSkew: Object.freeze({ past: 7 * 86_400, future: 600 }),
  earliestTime: new Date('2020-01-01T00:00:00Z'),
  impossibleTime: 'received',
  timeZone: 'UTC',
})

/** What a type goes by where it says nothing: everything that reads an option takes its default from here. */
export const DEFAULT_TYPE_OPTIONS: TypeOptions<number> = Object.freeze({
  ...DEFAULT_POLICIES,
  protocol: 'mqtt',
  broker: 'default',
  heartbeatInterval: DEFAULT_HEARTBEAT_INTERVAL,
  topicTemplate: DEFAULT_TOPIC_TEMPLATE,
  codec: jsonCodec,
  sampleId: ID_FIELD,
  timestampField: TIMESTAMP_FIELD,
  retention: Object.freeze({}),
  lastValues: true,
  onOffline: 'queue',
})

/** An option that only a type can set, or its default. A policy can be set by the hub as well. */
export const optionOf = <Name extends Exclude<keyof TypeOptions, keyof IngestPolicies>>(
  { options }: { readonly options: AnyDeviceType['options'] },
  name: Name,
): TypeOptions<number>[Name] => options[name] ?? DEFAULT_TYPE_OPTIONS[name]
