import { readdirSync, readFileSync } from 'node:fs'
import * as auth from '@devicehub/broker-auth'
import * as client from '@devicehub/client'
import * as core from '@devicehub/core'
import * as cbor from '@devicehub/core/cbor'
import * as definition from '@devicehub/core/definition'
import * as http from '@devicehub/http'
import * as listener from '@devicehub/mqtt-listener'
import * as provision from '@devicehub/provision'
import * as signals from '@devicehub/signals'
import * as kysely from '@devicehub/storage-kysely'
import * as kit from '@devicehub/test-kit'
import * as calls from './calls/adapters.js'
import { coreCalls } from './calls/core.js'
import { definitionCalls } from './calls/definition.js'
import { kitCalls } from './calls/kit.js'
import * as surfaces from './calls/surfaces.js'
import type { World } from './calls/world.js'
import type { Subject } from './coverage.js'

/** Every entry of every published package. */
export const entriesOf = (world: World): Subject[] => [
  { name: '@devicehub/core/definition', target: definition, calls: definitionCalls() },
  {
    name: '@devicehub/core',
    target: ownOf(core, definition),
    calls: coreCalls(world),
    elsewhere: ['noSignals'],
  },
  { name: '@devicehub/core/cbor', target: cbor, calls: calls.cborCalls },
  { name: '@devicehub/signals', target: signals, calls: calls.signalsEntry },
  { name: '@devicehub/storage-kysely', target: kysely, calls: calls.kyselyEntry() },
  { name: '@devicehub/mqtt-listener', target: listener, calls: calls.listenerEntry(world) },
  { name: '@devicehub/provision', target: provision, calls: calls.provisionEntry(world) },
  { name: '@devicehub/broker-auth', target: auth, calls: surfaces.authEntry(world) },
  { name: '@devicehub/client', target: client, calls: surfaces.clientEntry },
  { name: '@devicehub/http', target: http, calls: surfaces.httpEntry },
  { name: '@devicehub/test-kit', target: kit, calls: kitCalls() },
]

/** What an entry has that another one, whose functions it gives out too, does not have. */
const ownOf = (entry: object, other: object): object =>
  Object.fromEntries(Object.entries(entry).filter(([name]) => !Object.hasOwn(other, name)))

/** As the packages' manifests have them. */
export function publishedEntries(): string[] {
  const packages = new URL('../../packages/', import.meta.url)
  return readdirSync(packages).flatMap((folder) => {
    const manifest = JSON.parse(readFileSync(new URL(`${folder}/package.json`, packages), 'utf8')) as {
      readonly name: string
      readonly private?: boolean
      readonly exports: Readonly<Record<string, unknown>>
    }
    const entries = Object.keys(manifest.exports).filter((entry) => entry !== './package.json')
    return manifest.private === true ? [] : entries.map((entry) => manifest.name + entry.slice(1))
  })
}
