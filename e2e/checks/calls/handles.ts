import { DeviceHubError } from '@devicehub/core'
import { type Coverage, call } from '../sample-call.js'
import { Station } from './world.js'

/** Methods of what functions of core give back. */

export const registryCalls: Coverage = {
  all: call(),
  get: call(() => ['check_station']),
  find: call(() => ['check_station']),
  has: call(() => [Station]),
  findByTable: call(() => ['checkstation_device']),
  '[Symbol.iterator]': call(),
}

export const backoffCalls: Coverage = { next: call(), reset: call() }

export const silentEndsCalls: Coverage = {
  ended: call(() => [{ withoutReason: true, lasted: 5 }]),
  failed: call(),
}

export const pageBudgetCalls: Coverage = { takes: call(() => [5]) }
const identity = { deviceId: 'S-1', sampleId: 'a', timestamp: 5, contentHash: 5 }
export const sampleIndexCalls: Coverage = {
  find: call(() => [identity]),
  add: call(() => [identity]),
  remove: call(() => [identity]),
}
export const latestBudgetCalls: Coverage = { take: call(() => [5]) }
export const seriesBudgetCalls: Coverage = {
  row: call(),
  bytes: call(() => [5]),
  values: call(() => [5]),
}

export const limitedLinesCalls: Coverage = { lines: call(() => ['a key', () => {}]) }

export const faultLogCalls: Coverage = {
  failed: call(() => [new Error('away'), () => {}]),
  works: call(),
}

export const sendQuotaCalls: Coverage = {
  acquire: call(() => [], { waits: 'a place that is free' }),
  tryAcquire: call(),
  release: call(),
  resize: call(() => [5]),
  close: call(() => [new DeviceHubError('closed', 'closed by a check')]),
}

export const handlerRunnerCalls: Coverage = {
  run: call(() => [() => {}, {}]),
  stats: call(),
  idle: call(() => [], { waits: 'promises of handlers' }),
}

export const secretCalls: Coverage = {
  reveal: call(),
  toString: call(),
  toJSON: call(),
}

export const validatorCalls: Coverage = {
  validate: call(() => [{ fields: { temperature: 5 }, flags: [], malformed: [] }]),
}
export const routerCalls: Coverage = { route: call(() => ['things/check_station/S-1/data']) }

export const leaseCalls: Coverage = { note: call(() => ['a note']), release: call(), abandon: call() }

export const presenceCalls: Coverage = {
  sweep: call(),
  stats: call(),
  close: call(() => [{ timeout: '5ms' }]),
  '[Symbol.asyncDispose]': call(),
}

export const retentionCalls: Coverage = {
  run: call(),
  stats: call(),
  close: call(() => [{ timeout: '5ms' }]),
  '[Symbol.asyncDispose]': call(),
}

export const memoryStorageCalls: Coverage = {
  open: call(() => [{ types: [Station] }], { returns: 'hub.storage' }),
}

export const commandCalls: Coverage = {
  result: call(() => [{ timeout: 0.01, signal: AbortSignal.timeout(5_000) }], {
    waits: 'the end of a command',
  }),
  get: call(),
  cancel: call(() => ['a reason']),
}

export const twinCalls: Coverage = {
  get: call(() => ['S-1']),
  setDesiredMany: call(() => [{ filter: { labels: { site: 'north' } } }, { mode: 'burst' }]),
  setDesired: call(() => ['S-1', { mode: 'burst', level: 5 }, { ifVersion: 0 }]),
}

export const consumerCalls: Coverage = {
  stats: call(),
  close: call(() => [{ timeout: '5ms' }]),
  '[Symbol.asyncDispose]': call(),
}

export const signalsCalls: Coverage = {
  on: call(() => [
    'deviceDataReceived',
    Station,
    () => {},
    { signal: AbortSignal.timeout(5_000), label: 'a', maxPending: 5, timeout: '5ms' },
  ]),
  once: call(() => ['deviceDataReceived', () => {}, { maxPending: 5 }]),
  off: call(() => ['deviceDataReceived', Station, () => {}]),
  iterate: call(() => ['deviceDataReceived', Station, { signal: AbortSignal.timeout(5_000), maxQueued: 5 }], {
    returns: 'signals.iterate()',
  }),
  emit: call(() => ['deviceConnected', { type: Station, device: {} }]),
  hasSubscribers: call(() => ['deviceDataReceived']),
  stats: call(),
  close: call(() => [{ timeout: '5ms' }]),
  '[Symbol.asyncDispose]': call(),
}

export const noSignalsCalls: Coverage = {
  emit: call(() => ['deviceConnected', {}]),
  hasSubscribers: call(() => ['deviceConnected']),
  ...Object.fromEntries(
    ['on', 'once', 'off', 'iterate', 'stats', 'close'].map((name) => [
      name,
      call(() => [], { refusedOnly: true }),
    ]),
  ),
}

export const exportCalls: Coverage = { '[Symbol.asyncIterator]': call() }

export const iteratorCalls: Coverage = {
  next: call(() => [], { waits: 'an event' }),
  return: call(),
  finish: call(),
  '[Symbol.asyncIterator]': call(() => [], { returns: 'signals.iterate()' }),
  '[Symbol.asyncDispose]': call(),
}
