import { type AnyDeviceType, DeviceHubError, isDeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { isDeviceType } from '@devicehub/core/definition'
import { errorLine } from '@devicehub/core/transport'
import type { SinkChange, SinkDevice } from './credential-sink.js'
import type { CsvSinkOptions } from './csv-options.js'
import type { DynamicSecurityOptions, SinkTls } from './dynamic-security/options.js'
import type { MosquittoFilesOptions } from './mosquitto-files/options.js'
import type { Reload } from './mosquitto-files/reload-broker.js'

const { accept, duration, hidden, integer, optional, options, text } = check

const timeout = optional(duration({ min: '1ms', max: '1h' }))
const secret = hidden(text({ max: 16_383 }))
const pem = optional(
  hidden(
    check.satisfies<string | Buffer>(
      'PEM, as a text or a Buffer',
      (value) => typeof value === 'string' || value instanceof Uint8Array,
    ),
  ),
)

const CSV = options<check.InMilliseconds<CsvSinkOptions>>({ file: text(), timeout })

/** A signal to 0 or 1, or to a whole group of processes, is never what is meant. */
const pid = integer({ min: 2, max: 0x7fffffff })

const FILES = options<check.InMilliseconds<MosquittoFilesOptions>>({
  passwordFile: text(),
  aclFile: text(),
  reload: check.either(
    check.callback<Extract<Reload, (...args: never) => unknown>>(),
    check.either(
      options<{ readonly pid: number }>({ pid }, '{ pid }'),
      options<{ readonly pidFile: string }>({ pidFile: text() }, '{ pidFile }'),
    ),
  ),
  section: optional(
    text({ max: 64, pattern: /^[A-Za-z0-9_-]+$/, expected: '1 to 64 letters, digits, - and _' }),
  ),
  iterations: optional(integer({ min: 1, max: 10_000_000 })),
  broker: optional(check.line(64)),
  timeout,
})

const DYNAMIC_SECURITY = options<check.InMilliseconds<DynamicSecurityOptions>>({
  url: hidden(text({ expected: 'a URL like mqtts://broker:8883' })),
  username: text({ max: 16_383 }),
  password: secret,
  tls: optional(
    options<SinkTls>({
      ca: pem,
      cert: pem,
      key: pem,
      servername: optional(text({ max: 255 })),
      rejectUnauthorized: optional(check.flag),
    }),
  ),
  rolePrefix: optional(check.line(64)),
  clientId: optional(text({ max: 16_383 })),
  timeout,
})

const anyText = hidden(check.satisfies<string>('a text', (value) => typeof value === 'string'))
const topics = check.list(anyText)
const SINK_DEVICE = check.partOf<SinkDevice>(
  {
    type: check.satisfies<AnyDeviceType>('a device type made by defineDeviceType', isDeviceType),
    deviceId: anyText,
    username: anyText,
    clientId: anyText,
    topics: check.partOf<SinkDevice['topics']>(
      { publish: topics, subscribe: topics },
      '{ publish, subscribe }',
    ),
  },
  'a device as sinks get it',
)
// What the texts must not hold, each sink says of the change that has it.
const CHANGE = check.either<SinkChange, SinkChange>(
  options<Extract<SinkChange, { kind: 'set' }>>({
    kind: check.word('set'),
    device: SINK_DEVICE,
    password: anyText,
  }),
  options<Extract<SinkChange, { kind: 'remove' }>>({ kind: check.word('remove'), username: anyText }),
)
const CHANGES = check.list(CHANGE)

export const acceptChanges = (sink: string, given: unknown): readonly SinkChange[] =>
  accept(`${sink}.apply`, 'changes', CHANGES, given)

/** One by one, as they are read. */
export async function* acceptDevices(sink: string, given: unknown): AsyncGenerator<SinkDevice> {
  let at = 0
  try {
    for await (const device of given as AsyncIterable<unknown>)
      yield accept(`${sink}.sync`, `devices[${at++}]`, SINK_DEVICE, device)
  } catch (cause) {
    if (isDeviceHubError(cause)) throw cause
    throw new DeviceHubError(
      'invalid_options',
      `${sink}.sync: the list of devices could not be read completely: ${errorLine(cause)}`,
      { cause },
    )
  }
}

/** Each throws `invalid_options` with the key and what is expected. */
export const acceptCsv = (given: unknown): check.InMilliseconds<CsvSinkOptions> =>
  accept('csvSink', 'options', CSV, given)
export const acceptFiles = (given: unknown): check.InMilliseconds<MosquittoFilesOptions> =>
  accept('mosquittoFiles', 'options', FILES, given)
export const acceptDynamicSecurity = (given: unknown): check.InMilliseconds<DynamicSecurityOptions> =>
  accept('mosquittoDynamicSecurity', 'options', DYNAMIC_SECURITY, given)
