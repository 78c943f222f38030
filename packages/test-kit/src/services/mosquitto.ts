import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Duration } from '@devicehub/core'
import { DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { configLines, count } from '../option-rules.js'
import { type Certificates, createCertificates } from './certificates.js'
import { findProgram, requireProgram } from './find-program.js'
import { freePort } from './free-port.js'
import { SERVICE_OPTIONS, type Service, type ServiceOptions, startService } from './managed-service.js'
import { answersMqtt } from './mqtt-probe.js'
import { INSTALL } from './programs.js'
import { runCommand } from './run-command.js'
import { waitUntil } from './wait-until.js'

/** Options of `startMosquitto`. */
export interface MosquittoOptions extends ServiceOptions {
  /** Whether sessions and queues are kept on disk, so that they survive `restart()`. Default true. */
  readonly persistence?: boolean
  /**
   * The time between two automatic saves, in whole seconds. Default 30 s. What came in since the last save is lost on
   * a SIGKILL.
   */
  readonly autosaveInterval?: Duration
  /**
   * How many unacknowledged QoS 1 and 2 messages a session may have in flight (`max_inflight_messages`). Default
   * 1000; 0 is no limit.
   */
  readonly maxInflight?: number
  /**
   * How many messages may wait for a session (`max_queued_messages`); further ones are dropped. Default 0, which is
   * no limit.
   */
  readonly maxQueued?: number
  /** Whether clients may connect without a user name. Default true, unless `users` or `dynamicSecurity` is given. */
  readonly allowAnonymous?: boolean
  /** Passwords by user name, written to the password file. */
  readonly users?: Readonly<Record<string, string>>
  /** Lines of the ACL file, such as `user device` and `topic readwrite things/#`. */
  readonly acl?: readonly string[]
  /** Loads the dynamic security plugin, with this administrator. */
  readonly dynamicSecurity?: { readonly username: string; readonly password: string }
  /** Adds a listener for MQTT over WebSocket: see `websocketUrl`. Default false. */
  readonly websockets?: boolean
  /** Adds a listener with TLS: see `tlsUrl`. Default false; `true` creates certificates. */
  readonly tls?: boolean | MosquittoTls
  /** Further lines of `mosquitto.conf`. */
  readonly config?: readonly string[]
}

/** The TLS listener of `startMosquitto`. */
export interface MosquittoTls {
  /** Default: `createCertificates()` is called. */
  readonly certificates?: Certificates
  /** Whether a client must present a certificate of the authority (mutual TLS). Default false. */
  readonly requireCertificate?: boolean
  /** Whether the user name is the common name of the client's certificate. Default false. */
  readonly useIdentityAsUsername?: boolean
}

const { flag, line, mapOf, optional, options } = check

const TLS = options<MosquittoTls>({
  certificates: optional(check.port<Certificates>('certificates of createCertificates()', 'issue')),
  requireCertificate: optional(flag),
  useIdentityAsUsername: optional(flag),
})

/** Durations in seconds, which Mosquitto's configuration takes. */
const OPTIONS = options<check.InMilliseconds<MosquittoOptions>>({
  ...SERVICE_OPTIONS,
  persistence: optional(flag),
  autosaveInterval: optional(check.durationInSeconds({ max: '1d', wholeSeconds: true })),
  maxInflight: optional(count),
  maxQueued: optional(count),
  allowAnonymous: optional(flag),
  users: optional(mapOf(line(), 'an object of passwords by user name')),
  acl: configLines,
  dynamicSecurity: optional(
    options<NonNullable<MosquittoOptions['dynamicSecurity']>>({ username: line(), password: line() }),
  ),
  websockets: optional(flag),
  tls: optional(check.either(flag, TLS)),
  config: configLines,
})

/** A running Mosquitto. Its `url` is `mqtt://127.0.0.1:<port>`. */
export interface MosquittoService extends Service {
  /** `ws://127.0.0.1:<port>`; undefined without the option `websockets`. */
  readonly websocketUrl: string | undefined
  /** `mqtts://localhost:<port>`; undefined without the option `tls`. */
  readonly tlsUrl: string | undefined
  /** The certificates of the TLS listener; undefined without the option `tls`. */
  readonly certificates: Certificates | undefined
  /** Path of the password file; undefined without the option `users`. */
  readonly passwordFile: string | undefined
  /** Path of the ACL file; undefined without the option `acl`. */
  readonly aclFile: string | undefined
  /**
   * Writes sessions and queues to disk now, so that a later `kill()` loses none of them. `invalid_options` with
   * `persistence: false`.
   */
  save(): Promise<void>
  /** Makes it read its configuration, password and ACL files again (SIGHUP). `closed` when it is not running. */
  reload(): void
}

/**
 * Starts Mosquitto (MQTT 3.1.1 and 5) on loopback. By default it loses nothing: queues have no limit and are kept on
 * disk. `missing_dependency` when it is not installed.
 *
 * @example
 * import { startMosquitto } from '@devicehub/test-kit'
 *
 * await using broker = await startMosquitto({
 *   users: { device: 'secret' },
 *   acl: ['user device', 'topic readwrite things/#'],
 * })
 */
export async function startMosquitto(given: MosquittoOptions = {}): Promise<MosquittoService> {
  const settings = check.accept('startMosquitto', 'options', OPTIONS, given)
  const server = requireProgram('mosquitto', 'mosquitto')
  const websocketPort = settings.websockets ? await freePort() : undefined
  const tlsOptions = settings.tls === true ? {} : settings.tls || undefined
  const certificates = tlsOptions && (tlsOptions.certificates ?? (await createCertificates()))
  const tlsPort = tlsOptions && (await freePort())

  const service = await startService({
    name: 'mosquitto',
    port: settings.port,
    prepare: async ({ folder, port }) => {
      if (settings.users)
        writeFileSync(join(folder, 'passwords'), passwordLines(settings.users), { mode: 0o600 })
      if (settings.acl) writeFileSync(join(folder, 'acl'), `${settings.acl.join('\n')}\n`, { mode: 0o600 })
      if (certificates) writeCertificates(folder, certificates)
      const plugin = settings.dynamicSecurity && (await dynamicSecurity(folder, settings.dynamicSecurity))
      const lines = [
        ...globalLines(settings, folder),
        ...(plugin ?? []),
        `listener ${port} 127.0.0.1`,
        ...(websocketPort ? [`listener ${websocketPort} 127.0.0.1`, 'protocol websockets'] : []),
        ...(tlsOptions ? [`listener ${tlsPort} 127.0.0.1`, ...tlsLines(tlsOptions, folder)] : []),
      ]
      writeFileSync(join(folder, 'mosquitto.conf'), `${lines.join('\n')}\n`)
    },
    command: ({ folder }) => ({ file: server, args: ['-c', join(folder, 'mosquitto.conf')] }),
    ready: ({ port }) => answersMqtt(port),
    url: ({ port }) => `mqtt://127.0.0.1:${port}`,
  })

  const signal = (name: NodeJS.Signals) => {
    if (service.pid === undefined) throw new DeviceHubError('closed', 'mosquitto is not running')
    process.kill(service.pid, name)
  }

  return Object.assign(service, {
    websocketUrl: websocketPort === undefined ? undefined : `ws://127.0.0.1:${websocketPort}`,
    tlsUrl: tlsPort === undefined ? undefined : `mqtts://localhost:${tlsPort}`,
    certificates,
    passwordFile: settings.users && join(service.folder, 'passwords'),
    aclFile: settings.acl && join(service.folder, 'acl'),
    async save() {
      if (settings.persistence === false)
        throw new DeviceHubError('invalid_options', 'mosquitto.save() needs the option persistence')
      const before = savedAt(service.folder)
      signal('SIGUSR1')
      await waitUntil('mosquitto to save its sessions', () => savedAt(service.folder) !== before)
    },
    reload: () => signal('SIGHUP'),
  })
}

function globalLines(options: MosquittoOptions, folder: string): string[] {
  const anonymous = options.allowAnonymous ?? !(options.users || options.dynamicSecurity)
  return [
    // Else it drops privileges and can no longer read its private folder.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    `persistence ${options.persistence ?? true}`,
    `persistence_location ${folder}/`,
    `autosave_interval ${options.autosaveInterval ?? 30}`,
    `max_inflight_messages ${options.maxInflight ?? 1000}`,
    `max_queued_messages ${options.maxQueued ?? 0}`,
    'set_tcp_nodelay true',
    'log_dest stderr',
    `allow_anonymous ${anonymous}`,
    ...(options.users ? [`password_file ${join(folder, 'passwords')}`] : []),
    ...(options.acl ? [`acl_file ${join(folder, 'acl')}`] : []),
    ...(options.config ?? []),
  ]
}

function tlsLines(options: MosquittoTls, folder: string): string[] {
  return [
    `cafile ${join(folder, 'ca.pem')}`,
    `certfile ${join(folder, 'server.pem')}`,
    `keyfile ${join(folder, 'server-key.pem')}`,
    `require_certificate ${options.requireCertificate ?? false}`,
    ...(options.useIdentityAsUsername ? ['use_identity_as_username true'] : []),
  ]
}

function writeCertificates(folder: string, { ca, server }: Certificates): void {
  writeFileSync(join(folder, 'ca.pem'), ca.cert)
  writeFileSync(join(folder, 'server.pem'), server.cert)
  writeFileSync(join(folder, 'server-key.pem'), server.key, { mode: 0o600 })
}

// The format of mosquitto_passwd: PBKDF2 with SHA-512, a salt of exactly 12 bytes. Few rounds: tests are no target.
function passwordLines(users: Readonly<Record<string, string>>): string {
  const line = ([name, password]: [string, string]) => {
    const salt = randomBytes(12)
    const hash = pbkdf2Sync(password, salt, 101, 64, 'sha512')
    return `${name}:$7$101$${salt.toString('base64')}$${hash.toString('base64')}\n`
  }
  return Object.entries(users).map(line).join('')
}

const PLUGIN = 'mosquitto_dynamic_security.so'

async function dynamicSecurity(
  folder: string,
  admin: { readonly username: string; readonly password: string },
): Promise<string[]> {
  const plugin = findPlugin()
  const control = findProgram('mosquitto', 'mosquitto_ctrl')
  if (plugin === undefined || control === undefined)
    throw new DeviceHubError('missing_dependency', `${PLUGIN} is not installed: ${INSTALL.mosquitto}`)
  const file = join(folder, 'dynamic-security.json')
  await runCommand(control, ['dynsec', 'init', file, admin.username, admin.password])
  return [`plugin ${plugin}`, `plugin_opt_config_file ${file}`]
}

function findPlugin(): string | undefined {
  for (const root of ['/usr/lib', '/usr/local/lib', '/opt/homebrew/lib'])
    for (const folder of ['.', ...list(root)]) {
      const file = join(root, folder, PLUGIN)
      if (existsSync(file)) return file
    }
  return undefined
}

const savedAt = (folder: string) => modifiedAt(join(folder, 'mosquitto.db'))

function modifiedAt(file: string): string | undefined {
  const stat = statSync(file, { throwIfNoEntry: false, bigint: true })
  return stat && `${stat.ino} ${stat.mtimeNs}`
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
