import { randomBytes } from 'node:crypto'
import { createDeviceHub, silentLogger } from '@devicehub/core'
import { createProvisioner, mosquittoDynamicSecurity, type Provisioner } from '@devicehub/provision'
import {
  createRawClient,
  type MosquittoService,
  type RawMqttClient,
  startMosquitto,
} from '@devicehub/test-kit'
import pg from 'pg'
import { storageFor, type Target } from '../database.js'
import { prepareStage } from '../stage.js'
import { deviceId, Probe } from '../workload.js'
import type { Login } from './healthy.js'
import { Gauge, Odd } from './types.js'

const ADMIN = { username: 'admin', password: 'the administrator' }
export const SERVICE = { username: 'service', password: 'the hub itself' }
export const HEALTHY = 20
export const ATTACKERS = 10
const CONTROL = '$CONTROL/dynamic-security/v1'

export const attackerId = (index: number) => `evil-${index}`

/** A broker with dynamic security, a database, and devices that have credentials of their own. */
export interface Arena extends AsyncDisposable {
  readonly broker: MosquittoService
  readonly target: Target & { readonly kind: 'postgres' }
  readonly secret: string
  readonly healthy: readonly (Login & { readonly topic: string })[]
  readonly attackers: readonly Login[]
  readonly odd: Login
  /** For devices that have none yet. */
  readonly claimKey: string
  connect(login: Login, extra?: Parameters<typeof createRawClient>[0]['connect']): Promise<RawMqttClient>
  /** The first column of the first row. */
  count(sql: string, values?: readonly unknown[]): Promise<number>
  texts(sql: string, values?: readonly unknown[]): Promise<readonly string[]>
}

export async function openArena(): Promise<Arena> {
  const stage = await prepareStage('postgres')
  const target = stage.target as Arena['target']
  const broker = await startMosquitto({ dynamicSecurity: ADMIN })
  await allowService(broker.port)
  const secret = randomBytes(32).toString('hex')
  const pool = new pg.Pool({ connectionString: target.url, max: 2 })
  pool.on('error', () => {})

  await using hub = createDeviceHub({
    types: [Probe, Gauge, Odd],
    storage: storageFor(target),
    credentials: { secret },
    logger: silentLogger,
  })
  await hub.storage.migrate()
  await using provisioner = createProvisioner(hub, {
    sinks: [mosquittoDynamicSecurity({ url: broker.url, ...ADMIN })],
  })
  const healthy = []
  for (let n = 0; n < HEALTHY; n++)
    healthy.push({
      ...(await issue(provisioner, Probe, deviceId(n))),
      topic: `things/${Probe.key}/${deviceId(n)}/data`,
    })
  const attackers = []
  for (let n = 0; n < ATTACKERS; n++) attackers.push(await issue(provisioner, Gauge, attackerId(n)))
  const odd = await issue(provisioner, Odd, attackerId(0))
  const { key } = await provisioner.claims.create(Gauge, {
    name: 'faults',
    maxUses: 10_000,
    expiresIn: 86_400,
    createsDevices: true,
  })

  const rows = async (sql: string, values: readonly unknown[] = []) =>
    (await pool.query({ text: sql, values: [...values], rowMode: 'array' })).rows as unknown[][]
  return {
    broker,
    target,
    secret,
    healthy,
    attackers,
    odd,
    claimKey: key,
    connect: ({ username, password, clientId }, extra = {}) =>
      createRawClient({
        port: broker.port,
        acknowledge: true,
        connect: { username, password: Buffer.from(password), clientId, ...extra },
      }),
    count: async (sql, values) => Number((await rows(sql, values))[0]?.[0] ?? 0),
    texts: async (sql, values) => (await rows(sql, values)).map(([text]) => String(text)),
    async [Symbol.asyncDispose]() {
      await pool.end()
      await broker.close()
      await stage[Symbol.asyncDispose]()
    },
  }
}

async function issue(
  provisioner: Provisioner,
  type: typeof Probe | typeof Gauge | typeof Odd,
  id: string,
): Promise<Login> {
  const { credentials } = await provisioner.generateCredentials(type, id, { create: true })
  const { username, password, clientId } = credentials as Login
  return { username, password, clientId }
}

/** The user of the hub's listener may do everything; devices get their roles from the provisioner. */
async function allowService(port: number): Promise<void> {
  await using admin = await createRawClient({
    port,
    acknowledge: true,
    connect: { username: ADMIN.username, password: Buffer.from(ADMIN.password) },
  })
  await admin.subscribe(`${CONTROL}/response`)
  const acls = ['publishClientSend', 'subscribePattern', 'publishClientReceive'].map((acltype) => ({
    acltype,
    topic: '#',
    priority: 0,
    allow: true,
  }))
  const commands = [
    { command: 'createRole', rolename: SERVICE.username, acls },
    { command: 'createClient', ...SERVICE, roles: [{ rolename: SERVICE.username }] },
  ]
  await admin.publish(CONTROL, JSON.stringify({ commands }))
  await admin.next('publish')
}
