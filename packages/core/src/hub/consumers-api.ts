import {
  acceptConsume,
  assertConsumerName,
  consumeSettings,
  leaseName,
} from '../consumer/consume-settings.js'
import type { ConsumeFrom, ConsumeHandler, ConsumeOptions, Consumer } from '../consumer/consumer.js'
import { type ConsumerContext, createConsumer, type RunningConsumer } from '../consumer/create-consumer.js'
import { accept, callback, closeOptions, date, either, word } from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { DeviceHubError } from '../model/errors.js'
import type { MessageRef } from '../model/message.js'
import type { ConsumerFailure, ConsumerRecord } from '../ports/consumers.js'
import type { Page } from '../ports/storage.js'
import { assertControl } from '../rules/storage-errors.js'
import { type AssertType, acceptRef, PAGE_LIMIT, PAGE_OPTIONS } from './rules.js'

/** A durable consumer as the database has it, whoever runs it. */
export interface ConsumerInfo extends Omit<ConsumerRecord, 'createdAt' | 'updatedAt' | 'epoch'> {
  /** When it was first made. */
  readonly createdAt: Date
  /** When the cursor last moved. */
  readonly updatedAt: Date
  /** Whether a process holds its lease now. */
  readonly active: boolean
  /** How far it is behind the log. */
  readonly lag: ConsumerLag
}

/** What a consumer has still to read. */
export interface ConsumerLag {
  /** Log rows of its types that it has not passed yet, counted up to 10,000. */
  readonly messages: number
  /** When the first of them was received; null when there is none. */
  readonly since: Date | null
}

/** A message that a consumer has set aside. */
export interface ConsumerFailureInfo extends Omit<ConsumerFailure, 'failedAt' | 'firstFailedAt'> {
  /** When the handler failed for it last. */
  readonly failedAt: Date
  /** When it was set aside; a retry that fails leaves it. */
  readonly firstFailedAt: Date
}

/** Durable consumers by name: where they are, and the messages they set aside. `consumer_not_found` for an unknown name. */
export interface ConsumersApi {
  /** All that were ever made and not deleted, running or not. */
  list(): Promise<readonly ConsumerInfo[]>
  /** Null when there is none of that name. */
  get(name: string): Promise<ConsumerInfo | null>
  /**
   * Moves it to the beginning, behind everything that is stored, or to a received time; also while it runs.
   *
   * @example
   * import { hub } from './hub.js'
   *
   * await hub.consumers.seek('billing', 'beginning')
   */
  seek(name: string, to: ConsumeFrom): Promise<void>
  /**
   * Messages set aside, oldest first.
   *
   * @example
   * import { hub } from './hub.js'
   *
   * const { items } = await hub.consumers.failures('billing')
   * for (const { ref, error } of items) console.log(ref.id, error)
   */
  failures(
    name: string,
    page?: { readonly limit?: number; readonly cursor?: string | undefined },
  ): Promise<Page<ConsumerFailureInfo>>
  /** Has the process that runs it try one of them again, or all; returns how many. It may take a third of its lease. */
  retry(name: string, ref?: MessageRef): Promise<number>
  /** Forgets one that was set aside. `message_not_found` when there is none. */
  skip(name: string, ref: MessageRef): Promise<void>
  /** Deletes its cursor and what it set aside. `invalid_options` while a process runs it. False when there is none. */
  delete(name: string): Promise<boolean>
}

export interface Consumers {
  readonly api: ConsumersApi
  consume(name: string, options: ConsumeOptions, handler: ConsumeHandler): Consumer
  /** Something was stored by this process. */
  wake(): void
  close(timeoutMs: number): Promise<void>
}

export interface ConsumersContext extends ConsumerContext {
  readonly types: readonly AnyDeviceType[]
  readonly assertType: AssertType
}

/** Counting further costs more than the figure is worth. */
const LAG_COUNTED = 10_000

const SEEK = either(word('beginning', 'now'), date)

const failureInfo = (failure: ConsumerFailure): ConsumerFailureInfo => ({
  ...failure,
  failedAt: new Date(failure.failedAt),
  firstFailedAt: new Date(failure.firstFailedAt),
})

export function createConsumers(context: ConsumersContext): Consumers {
  const { storage, types, clock, assertType } = context
  const running = new Map<string, RunningConsumer>()
  let closed = false

  function consume(name: string, given: ConsumeOptions, handler: ConsumeHandler): Consumer {
    assertControl(storage, 'consumers')
    assertConsumerName('hub.consume', name)
    const options = acceptConsume(given)
    accept('hub.consume', 'handler', callback(), handler)
    if (closed) throw new DeviceHubError('closed', `the hub is closed: it runs no consumer "${name}"`)
    for (const type of options.types ?? []) assertType('hub.consume', type)
    const settings = consumeSettings(name, options, {
      types,
      preferredBatch: storage.capabilities.preferredBatch,
    })
    if (running.has(name))
      throw new DeviceHubError(
        'invalid_options',
        `this hub runs a consumer "${name}" already; a second one needs a name of its own`,
      )
    const consumer = createConsumer(settings, handler, context)
    running.set(name, consumer)
    const close: Consumer['close'] = async (how = {}) => {
      await consumer.close(accept('consumer.close', 'options', closeOptions, how).timeout)
      if (running.get(name) === consumer) running.delete(name)
    }
    return { name, stats: consumer.stats, close, [Symbol.asyncDispose]: () => close() }
  }

  const typesOf = (typeKeys: readonly (string | null)[]) =>
    typeKeys.flatMap((key) => (key === null ? [null] : types.filter((type) => type.key === key)))

  async function infoOf({ epoch: _, ...record }: ConsumerRecord, active: boolean): Promise<ConsumerInfo> {
    // A type that this hub does not know: another release runs the consumer. What is known is counted.
    const known = typesOf(record.typeKeys)
    const [messages, page] = await Promise.all([
      storage.log.count(known, record.cursor, LAG_COUNTED),
      storage.log.read(known, record.cursor, 1),
    ])
    const [first] = page.messages
    return {
      ...record,
      createdAt: new Date(record.createdAt),
      updatedAt: new Date(record.updatedAt),
      active,
      lag: { messages, since: first === undefined ? null : new Date(first.receivedAt) },
    }
  }

  async function withLeases(records: readonly ConsumerRecord[]): Promise<ConsumerInfo[]> {
    const leases = await storage.leases.find(records.map(({ name }) => leaseName(name)))
    const active = new Set(leases.filter(({ holder }) => holder !== null).map(({ name }) => name))
    return Promise.all(records.map((record) => infoOf(record, active.has(leaseName(record.name)))))
  }

  async function known(call: string, name: string): Promise<ConsumerRecord> {
    assertConsumerName(call, name)
    const record = await storage.consumers.get(name)
    if (record !== null) return record
    throw new DeviceHubError('consumer_not_found', `there is no consumer "${name}"; hub.consume() makes it`, {
      details: { name },
    })
  }

  async function cursorOf(typeKeys: readonly (string | null)[], to: ConsumeFrom): Promise<string | null> {
    const read = typesOf(typeKeys)
    if (to === 'beginning') return null
    if (to === 'now') return storage.log.end(read)
    return storage.log.seek(read, to.getTime())
  }

  const api: ConsumersApi = {
    list: async () => withLeases(await storage.consumers.list()),
    async get(name) {
      assertConsumerName('consumers.get', name)
      const record = await storage.consumers.get(name)
      return record === null ? null : ((await withLeases([record]))[0] ?? null)
    },
    async seek(name, given) {
      const to = accept('consumers.seek', 'to', SEEK, given, 'invalid_query')
      const { typeKeys } = await known('consumers.seek', name)
      await storage.consumers.seek(name, await cursorOf(typeKeys, to), clock.now())
      running.get(name)?.look()
    },
    async failures(name, page = {}) {
      const { limit = PAGE_LIMIT, cursor } = accept(
        'consumers.failures',
        'page',
        PAGE_OPTIONS,
        page,
        'invalid_query',
      )
      await known('consumers.failures', name)
      const { items, ...rest } = await storage.consumers.failures(name, { limit, cursor })
      return { ...rest, items: items.map(failureInfo) }
    },
    async retry(name, given) {
      const ref = given === undefined ? null : acceptRef('consumers.retry', given)
      await known('consumers.retry', name)
      const asked = await storage.consumers.requestRetry(name, ref)
      if (asked > 0) running.get(name)?.look()
      return asked
    },
    async skip(name, given) {
      const ref = acceptRef('consumers.skip', given)
      await known('consumers.skip', name)
      if (await storage.consumers.skip(name, ref)) return
      throw new DeviceHubError(
        'message_not_found',
        `the consumer "${name}" has not set aside a message ${ref.id}`,
        {
          details: { name, ...ref },
        },
      )
    },
    async delete(name) {
      assertConsumerName('consumers.delete', name)
      const [lease] = await storage.leases.find([leaseName(name)])
      if (lease !== undefined && lease.holder !== null)
        throw new DeviceHubError(
          'invalid_options',
          `the consumer "${name}" is running; close it in every process before it is deleted`,
          { details: { name } },
        )
      return storage.consumers.delete(name)
    },
  }

  return {
    api,
    consume,
    wake() {
      for (const consumer of running.values()) consumer.wake()
    },
    async close(timeoutMs) {
      closed = true
      await Promise.all([...running.values()].map((consumer) => consumer.close(timeoutMs)))
    },
  }
}
