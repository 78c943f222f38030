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

export interface MosquittoOptions extends ServiceOptions {
  /** Keep sessions and queues on disk. Default true. */
  readonly persistence?: boolean
  /** The time between two automatic saves, whole seconds. Default 30 s; what came since the last save is lost on a SIGKILL. */
  readonly autosaveInterval?: Duration
  /** Messages a session may have under way (`max_inflight_messages`). Default 1000; 0: no bound. */
  readonly maxInflight?: number
  /** Messages a session may have waiting (`max_queued_messages`). Default 0: no bound, nothing is dropped. */
  readonly maxQueued?: number
  /** Default true, unless there are users or dynamic security. */
  readonly allowAnonymous?: boolean
  /** Passwords by user name, for the password file. */
  readonly users?: Readonly<Record<string, string>>
  /** Lines of the ACL file. */
  readonly acl?: readonly string[]
  /** Loads the dynamic security plugin with this administrator. */
  readonly dynamicSecurity?: { readonly username: string; readonly password: string }
  /** A further listener that speaks MQTT over WebSocket. */
  readonly websockets?: boolean
  /** A further listener with TLS. */
  readonly tls?: boolean | MosquittoTls
  /** Further lines of the configuration file. */
  readonly config?: readonly string[]
}

export interface MosquittoTls {
  /** Default: fresh ones. */
  readonly certificates?: Certificates
  /** Refuse clients without a certificate of the authority (mutual TLS). Default false. */
  readonly requireCertificate?: boolean
  /** Take the user name from the certificate's common name. Default false. */
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

export interface MosquittoService extends Service {
  /** `ws://...`, with the option `websockets`. */
  readonly websocketUrl: string | undefined
  /** `mqtts://localhost:...`, with the option `tls`. */
  readonly tlsUrl: string | undefined
  readonly certificates: Certificates | undefined
  /** The password file, with the option `users`. */
  readonly passwordFile: string | undefined
  readonly aclFile: string | undefined
  /** Writes sessions and queues to disk now, so that a `kill()` after it loses none of them. */
  save(): Promise<void>
  /** Makes it read the configuration, password and ACL files again (SIGHUP). */
  reload(): void
}

/** Starts Mosquitto, set up to lose nothing: queues without bound, on disk. */
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
    if (service.pid === undefined) throw new DeviceHubError('closed', 'mosquitto does not run')
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
