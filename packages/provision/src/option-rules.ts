import type { AnyDeviceType } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { isDeviceType } from '@devicehub/core/definition'
import type { CredentialKind } from '@devicehub/core/storage'
import type { ClaimHandlerOptions } from './claims/claim-handler.js'
import type { NewClaimKey } from './claims/new-claim-key.js'
import type { ClaimListener } from './claims/serve-claims.js'
import type { GenerateOptions, RotateOptions } from './credentials/issue.js'
import { ALL_KINDS } from './credentials/make-credentials.js'
import type { ImportOutput } from './import/import-output.js'
import type { ImportOptions } from './import/import-report.js'
import type { ImportSource } from './import/import-source.js'
import type { ImportedDevice } from './import/imported-device.js'
import type { ProvisionHub } from './provision-hub.js'
import type { ProvisionerOptions } from './provisioner-options.js'
import type { CredentialSink } from './sinks/credential-sink.js'

const { accept, duration, either, flag, integer, optional, options, satisfies, text, word } = check

/** What is longer is a mistake of units. */
const TEN_YEARS = '3650d'

const deviceType = satisfies<AnyDeviceType>('a device type, made by defineDeviceType', isDeviceType)
/** Its own check names the character that is wrong. */
const deviceId = check.withCode(
  'invalid_device_id',
  satisfies<string>('a text', (value) => typeof value === 'string'),
)
const kinds = optional(check.list<CredentialKind>(word(...ALL_KINDS), { min: 1, max: 10 }))
const expiresAt = optional(check.date)
const overlap = optional(duration({ max: TEN_YEARS }))

const HUB = check.port<ProvisionHub>('a hub made by createDeviceHub', 'publish')

const CLAIM_HANDLER = options<ClaimHandlerOptions>({
  maxFailures: optional(integer({ min: 1 })),
  maxPending: optional(integer({ min: 1 })),
  addressOf: optional(check.callback()),
})

const PROVISIONER = options<ProvisionerOptions>({
  sinks: optional(check.list(check.port<CredentialSink>('a sink', 'apply', 'sync', 'close'), { max: 100 })),
  claimHandler: optional(CLAIM_HANDLER),
})

const GENERATE = options<GenerateOptions<Record<string, unknown>>>({
  kinds,
  expiresAt,
  // What is in it is for `devices.create` to check.
  create: optional(either(flag, check.record)),
})
const ROTATE = options<check.InMilliseconds<RotateOptions>>({ kinds, expiresAt, overlap })
const PASSWORD = options<{ readonly expiresAt?: Date }>({ expiresAt })

const OUTPUT = options<Extract<ImportOutput, { readonly file: string }>>(
  { file: text(), format: optional(word('csv', 'json')), overwrite: optional(flag) },
  '{ file }: the secrets are shown there and nowhere else',
)
const IMPORT = options<check.InMilliseconds<ImportOptions>>(
  {
    output: either(check.callback<(devices: readonly ImportedDevice[]) => unknown>(), OUTPUT),
    rotate: optional(flag),
    overlap,
    expiresAt,
    onProgress: optional(check.callback()),
    onRow: optional(check.callback()),
    signal: optional(check.abortSignal),
  },
  "an object of options such as { output: { file: 'credentials.csv' } }",
)

const isIterable = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function' ||
    typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function')

const textSource = satisfies<string>(
  'a path, or an iterable of texts or bytes',
  (value) => (typeof value === 'string' && value !== '') || isIterable(value),
)
const SOURCES: readonly check.Rule<ImportSource>[] = [
  options<{ readonly csv: string }>({ csv: textSource }),
  options<{ readonly json: string }>({ json: textSource }),
  options<{ readonly rows: Iterable<Record<string, unknown>> }>({
    rows: satisfies('a list or another iterable of rows', isIterable),
  }),
  options<{ readonly count: number; readonly prefix?: string }>({
    count: integer({ min: 1, max: 10_000_000 }),
    prefix: optional(text({ min: 0, max: 128 })),
  }),
]
const SOURCE: check.Rule<ImportSource> = {
  expected: 'one of { csv }, { json }, { rows } and { count }',
  take(value, at) {
    const given = check.record.take(value, at)
    const index = ['csv', 'json', 'rows', 'count'].findIndex((name) => given[name] !== undefined)
    const rule = SOURCES[index]
    if (rule === undefined) throw check.misfit(at, SOURCE.expected, value)
    return rule.take(value, at)
  },
}

const CLAIM_KEY = options<check.InMilliseconds<NewClaimKey>>({
  name: check.line(255),
  maxUses: integer({ min: 1, max: 1_000_000_000 }),
  expiresIn: duration({ min: '1s', max: TEN_YEARS }),
  createsDevices: optional(flag),
  labels: optional(check.labels),
  idPrefix: optional(
    text({
      min: 0,
      max: 255,
      pattern: /^[A-Za-z0-9_-]*$/,
      expected: 'the beginning of device ids: letters a to z, digits, _ and -',
    }),
  ),
})
const PAGE = options<{ readonly limit?: number; readonly cursor?: string }>({
  limit: optional(integer({ min: 1, max: 1_000 })),
  cursor: optional(text({ max: 1_000 })),
})

/** Each throws `invalid_options` with the function, the key and what is expected. */
export const acceptProvisioner = (hub: unknown, given: unknown): ProvisionerOptions => {
  accept('createProvisioner', 'hub', HUB, hub)
  return accept('createProvisioner', 'options', PROVISIONER, given)
}

export const acceptDevice = (call: string, type: unknown, id: unknown): void => {
  accept(call, 'type', deviceType, type, 'unknown_type')
  accept(call, 'deviceId', deviceId, id)
}

export const acceptGenerate = <Options>(given: Options): Options =>
  accept('generateCredentials', 'options', GENERATE, given) as Options
export const acceptRotate = <Kind extends CredentialKind>(
  given: RotateOptions<Kind>,
): check.InMilliseconds<RotateOptions<Kind>> =>
  accept('rotate', 'options', ROTATE, given) as check.InMilliseconds<RotateOptions<Kind>>
export const acceptPassword = (given: unknown): { readonly expiresAt?: Date } =>
  accept('setPassword', 'options', PASSWORD, given)

export const acceptImport = (
  type: unknown,
  source: unknown,
  given: unknown,
): readonly [ImportSource, check.InMilliseconds<ImportOptions>] => {
  accept('importDevices', 'type', deviceType, type, 'unknown_type')
  return [
    accept('importDevices', 'source', SOURCE, source),
    accept('importDevices', 'options', IMPORT, given),
  ]
}

export const acceptClaimKey = (type: unknown, given: unknown): check.InMilliseconds<NewClaimKey> => {
  accept('claims.create', 'type', deviceType, type, 'unknown_type')
  return accept('claims.create', 'key', CLAIM_KEY, given)
}
export const acceptClaimPage = (given: unknown): { readonly limit?: number; readonly cursor?: string } =>
  accept('claims.list', 'request', PAGE, given)
export const acceptClaimId = (id: unknown): string => accept('claims.revoke', 'id', text({ max: 255 }), id)

export const acceptServe = (listener: unknown, given: unknown): { readonly broker?: string } => {
  const rule = check.port<ClaimListener<unknown>>('a listener, made by createMqttListener', 'handle')
  accept('serveClaims', 'listener', rule, listener)
  return accept(
    'serveClaims',
    'options',
    options<{ readonly broker?: string }>({ broker: optional(check.line(64)) }),
    given,
  )
}

/** The texts of a claim are looked at by the claim itself, which says no word of why it refuses one. */
export const acceptClaim = <Request>(call: string, request: Request): Request => {
  return accept(call, 'request', check.record, request, 'invalid_payload') as Request
}
