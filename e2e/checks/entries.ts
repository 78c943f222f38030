import * as auth from '@devicehub/broker-auth'
import * as client from '@devicehub/client'
import * as core from '@devicehub/core'
import * as cbor from '@devicehub/core/cbor'
import * as check from '@devicehub/core/check'
import * as definition from '@devicehub/core/definition'
import * as storage from '@devicehub/core/storage'
import * as transport from '@devicehub/core/transport'
import * as http from '@devicehub/http'
import * as listener from '@devicehub/mqtt-listener'
import * as provision from '@devicehub/provision'
import * as signals from '@devicehub/signals'
import * as kysely from '@devicehub/storage-kysely'
import * as kit from '@devicehub/test-kit'
import * as calls from './calls/adapters.js'
import { coreCalls } from './calls/core.js'
import { checkCalls, definitionCalls } from './calls/definition.js'
import { kitCalls } from './calls/kit.js'
import * as surfaces from './calls/surfaces.js'
import type { World } from './calls/world.js'
import type { Subject } from './coverage.js'
import type { Coverage } from './sample-call.js'

/** Every entry of every published package. */
export const entriesOf = (world: World): Subject[] => [
  ...coreEntries(world),
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

/** What several entries of core give out is looked at once, in the first of them. */
function coreEntries(world: World): Subject[] {
  const described = { ...definitionCalls(), ...coreCalls(world) }
  const seen: Record<string, unknown> = {}
  const subjectOf = (name: string, entry: object): Subject => {
    const target = Object.fromEntries(Object.entries(entry).filter(([key]) => !Object.hasOwn(seen, key)))
    Object.assign(seen, target)
    return { name, target, calls: callsOf(described, target), elsewhere: ['noSignals'] }
  }
  const subjects = [
    subjectOf('@devicehub/core/definition', definition),
    subjectOf('@devicehub/core/transport', transport),
    subjectOf('@devicehub/core/storage', storage),
  ]
  // The last one has the calls of functions that are gone, which are reported.
  const rest = subjectOf('@devicehub/core', core)
  const known = subjects.flatMap(({ calls }) => Object.keys(calls))
  const others = Object.entries(described).filter(([name]) => !known.includes(name))
  return [
    ...subjects,
    { ...rest, calls: Object.fromEntries(others) },
    { name: '@devicehub/core/check', target: check, calls: checkCalls(), depth: 0 },
  ]
}

/** Of these calls, the ones of functions and groups of an entry: `reading.float` is of `reading`. */
const callsOf = (described: Coverage, target: object): Coverage =>
  Object.fromEntries(
    Object.entries(described).filter(([name]) => Object.hasOwn(target, name.split('.')[0] ?? '')),
  )
