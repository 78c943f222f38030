import type { AnyDeviceType, CredentialsApi, InferState } from '@devicehub/core'
import type { CredentialKind } from '@devicehub/core/storage'
import type { FetchHandler } from '@devicehub/http'
import { type Claimed, type ClaimRequest, createClaim } from './claims/claim.js'
import { type ClaimAccount, type ClaimLogin, createClaimAccounts } from './claims/claim-accounts.js'
import { type ClaimStats, createClaimDesk } from './claims/claim-desk.js'
import { createClaimHandler } from './claims/claim-handler.js'
import { type ClaimKeysApi, createClaimKeys } from './claims/claim-keys.js'
import { claimTopics } from './claims/claim-topics.js'
import { createClaimKeyFinder } from './claims/find-claim-key.js'
import { type ClaimListener, serveClaims } from './claims/serve-claims.js'
import { createIssuer, type GenerateOptions, type Issued, type RotateOptions } from './credentials/issue.js'
import { syncSinks } from './credentials/sync-sinks.js'
import { createSinkTeller } from './credentials/tell-sinks.js'
import { type CredentialInfo, listCredentials, revoke, setPassword } from './credentials/withdraw.js'
import { importDevices } from './import/import-devices.js'
import type { ImportOptions, ImportReport } from './import/import-report.js'
import type { ImportSource } from './import/import-source.js'
import {
  acceptClaim,
  acceptDevice,
  acceptGenerate,
  acceptImport,
  acceptPassword,
  acceptProvisioner,
  acceptRotate,
  acceptServe,
} from './option-rules.js'
import type { ProvisionHub } from './provision-hub.js'
import type { ProvisionerOptions } from './provisioner-options.js'
import type { SyncReport } from './sinks/credential-sink.js'

/**
 * Issues, replaces and withdraws what devices authenticate with. All of them refuse a type that is not of the hub with
 * `unknown_type`, and a device that does not exist with `device_not_found`.
 */
export interface Provisioner extends AsyncDisposable {
  /**
   * A user name with a password, and an API key, shown here and never again. `credential_taken` when the device has
   * credentials already: see `rotate`. Announces `deviceProvisioned`.
   *
   * @example
   * import { createProvisioner } from '@devicehub/provision'
   * import { hub, WeatherStation } from './hub.js'
   *
   * const provisioner = createProvisioner(hub)
   * const { credentials } = await provisioner.generateCredentials(WeatherStation, 'STATION-001', { create: true })
   */
  generateCredentials<T extends AnyDeviceType, const Kind extends CredentialKind = CredentialKind>(
    type: T,
    deviceId: string,
    options?: GenerateOptions<InferState<T>, Kind>,
  ): Promise<Issued<InferState<T>, Kind>>
  /** Replaces the credentials of a device; the old ones stay valid for `overlap`. */
  rotate<T extends AnyDeviceType, const Kind extends CredentialKind = CredentialKind>(
    type: T,
    deviceId: string,
    options?: RotateOptions<Kind>,
  ): Promise<Issued<InferState<T>, Kind>>
  /**
   * Revokes all credentials of a device, at once and in every process. `sink_failed` when that is done, but a broker could
   * not be updated.
   */
  revoke(type: AnyDeviceType, deviceId: string): Promise<void>
  /** Replaces the password with one that a person chose, 12 to 1,024 characters; `sink_failed` as for `revoke`. */
  setPassword(
    type: AnyDeviceType,
    deviceId: string,
    password: string,
    options?: { readonly expiresAt?: Date },
  ): Promise<void>
  /** As `hub.credentials.verify`. */
  readonly verify: CredentialsApi['verify']
  /** The valid credentials of the device, newest first; [] for a device that does not exist. No secrets, no hashes. */
  credentials(type: AnyDeviceType, deviceId: string): Promise<readonly CredentialInfo[]>
  /**
   * Creates devices with their credentials, streamed, in transactions of 500. A second run skips devices that exist.
   * An invalid row fails by itself; the import rejects when the header is wrong, the output cannot be written or the
   * database is unavailable: a second run continues.
   *
   * @example
   * import { createProvisioner } from '@devicehub/provision'
   * import { hub, WeatherStation } from './hub.js'
   *
   * const provisioner = createProvisioner(hub)
   * await provisioner.importDevices(WeatherStation, { csv: 'devices.csv' }, { output: { file: 'secrets.csv' } })
   */
  importDevices(type: AnyDeviceType, source: ImportSource, options: ImportOptions): Promise<ImportReport>
  /** Keys with which devices obtain their credentials themselves. */
  readonly claims: ClaimKeysApi
  /**
   * Issues credentials to a device with a claim key. `claim_refused`, without a reason, when the key is not valid or not
   * for this device; the log has the reason.
   */
  claim(request: ClaimRequest): Promise<Claimed>
  /** Claims over HTTP: a POST of `{"claim_key","device_id","proof"}`, wherever it is mounted. */
  readonly claimHandler: FetchHandler
  /** Claims over MQTT: the account of the user name `claim`, whose password is a claim key, for `@devicehub/broker-auth`. */
  claimAccounts(login: ClaimLogin): Promise<ClaimAccount | null>
  /** Answers claims over MQTT, at the named broker of the listener; default: its main one. Returns what the listener's `handle` returns. */
  serveClaims<Subscription>(
    listener: ClaimListener<Subscription>,
    options?: { readonly broker?: string },
  ): Subscription
  /** Corrects the store of every sink, and reports what it changed. Credentials are not issued meanwhile. */
  sync(): Promise<readonly SyncReport[]>
  /** `claims`: those over HTTP and over MQTT together. */
  stats(): { readonly claims: ClaimStats }
  /** Waits for changes on their way to the sinks, and closes them. */
  close(): Promise<void>
}

/**
 * Issues credentials for the devices of a hub, and updates brokers that have a store of their own. `invalid_options` when
 * the hub has no `credentials.secret`, and when a sink forbids groups at a broker where one of its
 * listeners is in one.
 *
 * @example
 * import { createProvisioner, csvSink } from '@devicehub/provision'
 * import { hub, WeatherStation } from './hub.js'
 *
 * const provisioner = createProvisioner(hub, { sinks: [csvSink({ file: 'issued.csv' })] })
 * const { credentials } = await provisioner.rotate(WeatherStation, 'STATION-001', { overlap: '1h' })
 */
export function createProvisioner(hub: ProvisionHub, options: ProvisionerOptions = {}): Provisioner {
  const { sinks = [], claimHandler = {} } = acceptProvisioner(hub, options)
  const teller = createSinkTeller(hub, sinks)
  const issuer = createIssuer(hub, teller)
  const findKey = createClaimKeyFinder(hub)
  const claim = createClaim(hub, teller, findKey)
  const topics = claimTopics(hub)
  const desk = createClaimDesk({ claim, clock: hub.clock, logger: hub.logger }, claimHandler)
  const handler = createClaimHandler(desk, hub.logger, claimHandler)
  const accounts = createClaimAccounts(topics, findKey, hub.clock)
  let closing: Promise<void> | undefined

  async function close(): Promise<void> {
    await teller.alone(async () => void (await Promise.all(sinks.map((sink) => sink.close()))))
  }

  for (const { forbidsSharedGroups } of sinks)
    if (forbidsSharedGroups !== undefined) hub.sharedGroups.forbid(forbidsSharedGroups)

  // Without a secret nothing here could be done: said now, and not with the first device.
  hub.credentials.hashes.lookups('claim_key', 'probe')

  const provisioner: Provisioner = {
    async generateCredentials(type, deviceId, generateOptions = {}) {
      acceptDevice('generateCredentials', type, deviceId)
      return issuer.generate(type, deviceId, acceptGenerate(generateOptions))
    },
    async rotate(type, deviceId, rotateOptions = {}) {
      acceptDevice('rotate', type, deviceId)
      return issuer.rotate(type, deviceId, acceptRotate(rotateOptions))
    },
    async revoke(type, deviceId) {
      acceptDevice('revoke', type, deviceId)
      await revoke(hub, teller, type, deviceId)
    },
    async setPassword(type, deviceId, password, passwordOptions = {}) {
      acceptDevice('setPassword', type, deviceId)
      await setPassword(hub, teller, type, deviceId, password, acceptPassword(passwordOptions))
    },
    verify: (login) => hub.credentials.verify(login),
    async credentials(type, deviceId) {
      acceptDevice('credentials', type, deviceId)
      return listCredentials(hub, type, deviceId)
    },
    importDevices: async (type, source, importOptions) =>
      importDevices(hub, teller, type, ...acceptImport(type, source, importOptions)),
    claims: createClaimKeys(hub),
    claim: async (request) => claim(acceptClaim('claim', request)),
    claimHandler: handler,
    claimAccounts: async (login) => accounts(acceptClaim('claimAccounts', login)),
    serveClaims: (listener, given = {}) =>
      serveClaims(hub, topics, desk, listener, acceptServe(listener, given).broker),
    sync: () => teller.alone(() => syncSinks(hub, sinks)),
    stats: () => ({ claims: desk.stats() }),
    close: () => (closing ??= close()),
    [Symbol.asyncDispose]: () => provisioner.close(),
  }
  return provisioner
}
