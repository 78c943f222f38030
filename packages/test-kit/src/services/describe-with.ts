import { DeviceHubError } from '@devicehub/core'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { markAsked } from './asked.js'
import {
  isInstalled,
  isOptional,
  missingServices,
  type ServiceHandles,
  type ServiceName,
  type ServiceStartOptions,
  STARTS,
  type ToolName,
} from './catalogue.js'
import { createCertificates } from './certificates.js'

/**
 * Milliseconds that a server may take to start, and a test that stops, kills or restarts it: seconds on a busy machine,
 * where vitest's own 5 s for a test and 10 s for a hook are too few.
 */
const TIMEOUT = 120_000

type WantedOptions = { [Name in ServiceName]?: ServiceStartOptions[Name] | 'own' } & {
  [Name in ToolName]?: Record<never, never>
}
type Wanted = readonly (ServiceName | ToolName)[] | WantedOptions

type NamesOf<W extends Wanted> = W extends readonly (infer Name)[] ? Name : keyof W

/** Starts an instance for one test. */
export interface ServiceStarter<Name extends ServiceName> {
  /**
   * Starts an instance and waits until it answers. The test closes it: `await using broker = await
   * mosquitto.start()`.
   */
  start(options?: ServiceStartOptions[Name]): Promise<ServiceHandles[Name]>
}

/** The instance that the suites of a file share: call it inside tests and hooks. `closed` outside them. */
export interface SharedService<Name extends ServiceName> extends ServiceStarter<Name> {
  /** The running service. */
  (): ServiceHandles[Name]
}

const TOOLS = { openssl: { createCertificates } }

type Tools = typeof TOOLS

/** What a suite receives: each service it asked for, and the tools the kit can use. */
export type Services<W extends Wanted> = {
  readonly [Name in Extract<NamesOf<W>, ServiceName>]: W extends { readonly [Own in Name]: 'own' }
    ? ServiceStarter<Name>
    : SharedService<Name>
} & Pick<Tools, Extract<NamesOf<W>, keyof Tools>>

/**
 * A vitest suite that needs running services. Suites of one file that ask for the same service with the same options
 * share an instance, which starts before the first of them and is closed after the last. `'own'` starts none: the
 * tests start their own. A program that is not a server, such as `openssl`, is only looked for.
 *
 * Tests of the suite have 120 s each instead of vitest's 5 s, since servers take seconds to stop and start. A test's own
 * limit counts before it: `it('...', { timeout: 300_000 }, ...)`.
 *
 * When a program is not installed, the suite is skipped and a line says what to install. With
 * `DEVICEHUB_REQUIRE_SERVICES=1` (continuous integration) it fails with that line instead.
 *
 * @example
 * import { createMqttListener } from '@devicehub/mqtt-listener'
 * import { describeWith } from '@devicehub/test-kit'
 * import { it } from 'vitest'
 * import { hub } from './hub.js'
 *
 * describeWith(['mosquitto', 'postgres'], 'listener', ({ mosquitto, postgres }) => {
 *   it('stores', async () => {
 *     const database = await postgres().createDatabase()
 *     await using listener = createMqttListener(hub, { url: mosquitto().url, clientId: 'ingest' })
 *   })
 * })
 * describeWith({ mosquitto: { maxInflight: 10 } }, 'small window', ({ mosquitto }) => {})
 * describeWith({ mosquitto: 'own', openssl: {} }, 'TLS', ({ mosquitto }) => {
 *   it('connects', async () => {
 *     await using broker = await mosquitto.start({ tls: true })
 *   })
 * })
 */
export function describeWith<const W extends Wanted>(
  wanted: W,
  title: string,
  suite: (services: Services<W>) => void,
): void {
  const options: WantedOptions = Array.isArray(wanted)
    ? Object.fromEntries((wanted as readonly (ServiceName | ToolName)[]).map((name) => [name, {}]))
    : (wanted as WantedOptions)
  const names = Object.keys(options) as (ServiceName | ToolName)[]
  for (const name of names) markAsked(name === 'timescaledb' ? 'postgres' : name)
  const missing = names.filter((name) => !isInstalled(name))
  if (missing.length > 0) {
    describeMissing(missing, title, () => suite(accessors({}, names)))
    return
  }
  describe(title, { timeout: TIMEOUT }, () => {
    const services = names.filter(isService)
    const leases = services.flatMap((name) => {
      const wish = options[name] ?? {}
      return wish === 'own' ? [] : [[name, lease(name, wish)] as const]
    })
    beforeAll(async () => void (await Promise.all(leases.map(([, { acquire }]) => acquire()))), TIMEOUT)
    afterAll(async () => void (await Promise.all(leases.map(([, { release }]) => release()))), TIMEOUT)
    suite(accessors(Object.fromEntries(leases), names))
  })
}

function describeMissing(
  missing: readonly (ServiceName | ToolName)[],
  title: string,
  suite: () => void,
): void {
  const line = missingServices(missing).join('; ')
  if (process.env.DEVICEHUB_REQUIRE_SERVICES === '1' && !missing.every(isOptional)) {
    describe(title, () => {
      it(`needs ${missing.join(', ')}`, () => {
        throw new DeviceHubError('missing_dependency', line, { details: { missing } })
      })
    })
  } else {
    warnOnce(`skipped: ${line}`)
    describe.skip(`${title} (${line})`, suite)
  }
}

const isService = (name: ServiceName | ToolName): name is ServiceName => name in STARTS

function accessors<W extends Wanted>(
  leases: Partial<Record<ServiceName, { handle(): AsyncDisposable }>>,
  names: readonly (ServiceName | ToolName)[],
): Services<W> {
  const accessor = (name: ServiceName) => {
    const handle = () => {
      const lease = leases[name]
      if (lease === undefined)
        throw new DeviceHubError('closed', `this suite starts no ${name} for all: call ${name}.start()`)
      return lease.handle()
    }
    return Object.assign(handle, { start: (own = {}) => STARTS[name](own) })
  }
  const services = Object.fromEntries(names.filter(isService).map((name) => [name, accessor(name)]))
  return { ...services, ...TOOLS } as unknown as Services<W>
}

interface Instance {
  users: number
  started?: Promise<AsyncDisposable>
  handle?: AsyncDisposable
}

// The last suite that uses an instance stops it, so instances are shared within a file, isolated or not.
const instances = new Map<string, Instance>()
const warned = new Set<string>()

function warnOnce(line: string): void {
  if (warned.has(line)) return
  warned.add(line)
  console.warn(line)
}

// Suites are counted when they are declared, before any runs: the instance lives until the last one ends.
function lease<Name extends ServiceName>(name: Name, options: ServiceStartOptions[Name]) {
  const key = `${name} ${JSON.stringify(options, identifyFunctions)}`
  const instance = instances.get(key) ?? { users: 0 }
  instances.set(key, instance)
  instance.users++
  return {
    async acquire() {
      instance.started ??= STARTS[name](options)
      instance.handle = await instance.started
    },
    async release() {
      if (--instance.users > 0) return
      instances.delete(key)
      await (await instance.started?.catch(() => undefined))?.[Symbol.asyncDispose]()
    },
    handle() {
      if (instance.handle === undefined)
        throw new DeviceHubError('closed', `${name} runs only inside tests and hooks: call ${name}() there`)
      return instance.handle
    },
  }
}

const identities = new WeakMap<object, number>()
let lastIdentity = 0

// Functions with the same source text can have different closures.
function identifyFunctions(_key: string, value: unknown): unknown {
  if (typeof value !== 'function') return value
  const identity = identities.get(value) ?? ++lastIdentity
  identities.set(value, identity)
  return `function ${identity}`
}
