import { DeviceHubError } from '@devicehub/core'
import { afterAll, beforeAll, describe, it } from 'vitest'
import {
  CATALOGUE,
  missingServices,
  type ServiceHandles,
  type ServiceName,
  type ServiceStartOptions,
} from './catalogue.js'

type Wanted = readonly ServiceName[] | Partial<ServiceStartOptions>

type NamesOf<W extends Wanted> = W extends readonly (infer Name extends ServiceName)[]
  ? Name
  : Extract<keyof W, ServiceName>

/** One function a service: it returns the running instance inside tests and hooks. */
export type Services<W extends Wanted> = { readonly [Name in NamesOf<W>]: () => ServiceHandles[Name] }

/**
 * A suite that needs running services. Suites of one file that ask for the same service with the same options share
 * an instance, which starts before the first of them and stops after the last.
 *
 * Where a program is not installed the suite is skipped and one line says what to install; with
 * `DEVICEHUB_REQUIRE_SERVICES=1` (continuous integration) it fails with that line instead.
 *
 * @example
 * describeWith(['mosquitto', 'postgres'], 'listener', ({ mosquitto, postgres }) => {
 *   it('stores', async () => {
 *     const database = await postgres().createDatabase()
 *     const listener = createMqttListener(hub, { url: mosquitto().url })
 *   })
 * })
 * describeWith({ mosquitto: { maxInflight: 10 } }, 'small window', ({ mosquitto }) => {})
 */
export function describeWith<const W extends Wanted>(
  wanted: W,
  title: string,
  suite: (services: Services<W>) => void,
): void {
  const options: Partial<ServiceStartOptions> = Array.isArray(wanted)
    ? Object.fromEntries((wanted as readonly ServiceName[]).map((name) => [name, {}]))
    : (wanted as Partial<ServiceStartOptions>)
  const names = Object.keys(options) as ServiceName[]
  const missing = names.filter((name) => missingServices([name]).length > 0)

  if (missing.length > 0) {
    const line = missingServices(missing).join('; ')
    const required = process.env.DEVICEHUB_REQUIRE_SERVICES === '1'
    if (required && missing.some((name) => !CATALOGUE[name].optional)) {
      describe(title, () => {
        it(`needs ${missing.join(', ')}`, () => {
          throw new DeviceHubError('missing_dependency', line, { details: { missing } })
        })
      })
    } else {
      sayOnce(`skipped: ${line}`)
      describe.skip(`${title} (${line})`, () => suite({} as Services<W>))
    }
    return
  }

  describe(title, () => {
    const leases = names.map((name) => [name, lease(name, options[name] ?? {})] as const)
    beforeAll(async () => void (await Promise.all(leases.map(([, { acquire }]) => acquire()))))
    afterAll(async () => void (await Promise.all(leases.map(([, { release }]) => release()))))
    suite(Object.fromEntries(leases.map(([name, { handle }]) => [name, handle])) as unknown as Services<W>)
  })
}

interface Instance {
  users: number
  started?: Promise<AsyncDisposable>
  handle?: AsyncDisposable
}

// Vitest loads this module anew for each test file, so this is the sharing within a file.
const instances = new Map<string, Instance>()
const said = new Set<string>()

function sayOnce(line: string): void {
  if (said.has(line)) return
  said.add(line)
  console.warn(line)
}

// Users are counted while the suites are declared, before any runs: the instance outlives all but the last.
function lease<Name extends ServiceName>(name: Name, options: ServiceStartOptions[Name]) {
  const key = `${name} ${JSON.stringify(options, functionsByIdentity)}`
  const instance = instances.get(key) ?? { users: 0 }
  instances.set(key, instance)
  instance.users++
  return {
    async acquire() {
      instance.started ??= CATALOGUE[name].start(options)
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

// Two policies with the same source text can close over different values.
function functionsByIdentity(_key: string, value: unknown): unknown {
  if (typeof value !== 'function') return value
  const identity = identities.get(value) ?? ++lastIdentity
  identities.set(value, identity)
  return `function ${identity}`
}
