import {
  createPresenceMonitor,
  createRegistry,
  createRetention,
  memoryStorage,
  silentLogger,
} from '@devicehub/core'
import {
  createBucketBudget,
  createLatestBudget,
  createPageBudget,
  createSampleIndex,
  createSeriesBudget,
} from '@devicehub/core/storage'
import {
  compileSampleValidator,
  createBackoff,
  createFaultLog,
  createHandlerRunner,
  createLimitedLines,
  createSendQuota,
  createSilentEnds,
  createTopicRouter,
  holdLease,
  noMetrics,
  noSignals,
  secretOf,
  systemClock,
} from '@devicehub/core/transport'
import { createSignals } from '@devicehub/signals'
import type { Subject } from '../coverage.js'
import * as calls from './handles.js'
import { ELSEWHERE, hubCalls, scopedCalls } from './hub.js'
import { storageCalls } from './storage.js'
import { Station, type World } from './world.js'

/** What the functions of core and signals give back, each made anew. */
export async function coreHandles({ hub }: World): Promise<Subject[]> {
  const options = { leases: hub.storage.leases, name: 'held', holder: 'held', ttl: '1m' as const }
  const lease = await holdLease({ ...options, logger: silentLogger })
  const signals = createSignals({ logger: silentLogger })
  const runner = createHandlerRunner({ name: 'a', logger: silentLogger, metrics: noMetrics })
  return [
    { name: 'createRegistry()', target: createRegistry([Station]), calls: calls.registryCalls },
    { name: 'createBackoff()', target: createBackoff(), calls: calls.backoffCalls },
    { name: 'createSilentEnds()', target: createSilentEnds(), calls: calls.silentEndsCalls },
    { name: 'createPageBudget()', target: createPageBudget(5_000), calls: calls.pageBudgetCalls },
    { name: 'createSampleIndex()', target: createSampleIndex(), calls: calls.sampleIndexCalls },
    { name: 'createBucketBudget()', target: createBucketBudget('day'), calls: calls.latestBudgetCalls },
    { name: 'createSeriesBudget()', target: createSeriesBudget(), calls: calls.seriesBudgetCalls },
    { name: 'createLatestBudget()', target: createLatestBudget('values', 5), calls: calls.latestBudgetCalls },
    {
      name: 'createLimitedLines()',
      target: { lines: createLimitedLines({ clock: systemClock, onOverflow() {} }) },
      calls: calls.limitedLinesCalls,
    },
    { name: 'createFaultLog()', target: createFaultLog(), calls: calls.faultLogCalls },
    { name: 'createSendQuota()', target: createSendQuota(5), calls: calls.sendQuotaCalls },
    { name: 'createHandlerRunner()', target: runner, calls: calls.handlerRunnerCalls },
    { name: 'secretOf()', target: secretOf('a'), calls: calls.secretCalls },
    {
      name: 'compileSampleValidator()',
      target: { validate: compileSampleValidator(Station) },
      calls: calls.validatorCalls,
    },
    {
      name: 'createTopicRouter()',
      target: { route: createTopicRouter([Station]) },
      calls: calls.routerCalls,
    },
    { name: 'holdLease()', target: lease as object, calls: calls.leaseCalls, elsewhere: ['lost'] },
    { name: 'createPresenceMonitor()', target: createPresenceMonitor(hub), calls: calls.presenceCalls },
    { name: 'createRetention()', target: createRetention(hub), calls: calls.retentionCalls },
    { name: 'memoryStorage()', target: memoryStorage(), calls: calls.memoryStorageCalls },
    { name: 'noSignals', target: noSignals, calls: calls.noSignalsCalls },
    {
      name: 'signals.iterate()',
      target: signals.iterate('deviceConnected'),
      calls: calls.iteratorCalls,
    },
    { name: 'createSignals()', target: signals, calls: calls.signalsCalls },
  ]
}

/** A hub, and what its functions give back, on any storage. */
export async function hubHandles(world: World): Promise<Subject[]> {
  const { hub, adapter, consumer } = world
  // Opened once more, since it is closed in the end, and the hub goes on.
  const storage = adapter.open({ types: [Station] })
  const command = await hub.commands.send(Station, 'S-1', 'reboot')
  return [
    { name: 'hub.commands.send()', target: command, calls: calls.commandCalls },
    { name: 'hub.readings.export()', target: hub.readings.export(Station), calls: calls.exportCalls },
    { name: 'hub.twin()', target: hub.twin(Station), calls: calls.twinCalls },
    { name: 'hub.storage', target: storage, calls: storageCalls(world) },
    { name: 'hub', target: hub, calls: hubCalls(world), depth: 2, elsewhere: ELSEWHERE },
    {
      name: 'hub.scoped()',
      target: hub.scoped({ deviceId: { ne: null } }),
      calls: scopedCalls(world),
      depth: 2,
      elsewhere: ['types'],
    },
    { name: 'hub.consume()', target: consumer, calls: calls.consumerCalls },
  ]
}
