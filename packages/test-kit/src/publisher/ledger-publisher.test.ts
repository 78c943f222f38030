import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { describeWith } from '../services/describe-with.js'
import { createTcpProxy } from '../services/tcp-proxy.js'
import { waitUntil } from '../services/wait-until.js'
import { createFakeBroker } from './fake-broker.js'
import type { LedgerMessage } from './ledger-message.js'
import { createLedgerPublisher } from './ledger-publisher.js'
import { createRawSubscriber } from './raw-subscriber.js'

function* messages(count: number, prefix = 'm'): Generator<LedgerMessage> {
  for (let index = 0; index < count; index++) {
    const key = `${prefix}${index}`
    yield { key, topic: `devices/${index % 100}/data`, payload: `{"id":"${key}","temperature":21.5}` }
  }
}

const idsOf = (packets: readonly { payload: string | Buffer }[]) =>
  new Set(packets.map(({ payload }) => (JSON.parse(String(payload)) as { id: string }).id))

describeWith(['mosquitto'], 'createLedgerPublisher', ({ mosquitto }) => {
  for (const protocolVersion of [4, 5] as const) {
    it(`MQTT ${protocolVersion}: what it says is acknowledged arrives, in order`, async () => {
      await using subscriber = await createRawSubscriber({ port: mosquitto().port, topics: 'devices/+/data' })
      await using publisher = createLedgerPublisher({ port: mosquitto().port, protocolVersion })
      await publisher.publishAll(messages(5000))
      const got = await subscriber.take(5000)
      expect(got.map(({ payload }) => String(payload))).toEqual([...messages(5000)].map((m) => m.payload))
      expect([...publisher.ledger.acknowledged]).toEqual([...messages(5000)].map((m) => m.key))
      expect(publisher.counters).toEqual({
        sent: 5000,
        acknowledged: 5000,
        refused: 0,
        resent: 0,
        reconnects: 0,
      })
    })
  }

  it('appends to a ledger file, takes an async source, several calls at once and a rate', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'devicehub-ledger-'))
    const ledgerFile = join(folder, 'ledger')
    async function* slowly() {
      for (const message of messages(50, 'b')) yield await Promise.resolve(message)
    }
    const publisher = createLedgerPublisher({ port: mosquitto().port, ledgerFile })
    const started = performance.now()
    await Promise.all([
      publisher.publishAll(messages(100, 'a'), { rate: 200 }),
      publisher.publishAll(slowly()),
    ])
    expect(performance.now() - started).toBeGreaterThan(450)
    await publisher.close()
    const lines = readFileSync(ledgerFile, 'utf8').trimEnd().split('\n')
    expect(lines).toHaveLength(150)
    expect(new Set(lines)).toEqual(publisher.ledger.acknowledged)
    rmSync(folder, { recursive: true })
  })

  it('keeps to the window it is given', async () => {
    await using publisher = createLedgerPublisher({ port: mosquitto().port, window: 7 })
    await publisher.publishAll(messages(500))
    expect(publisher.peakInFlight).toBe(7)
  })

  it('spends microseconds of its own on a message, so that the broker is the limit', async () => {
    await using publisher = createLedgerPublisher({ port: mosquitto().port })
    await publisher.publishAll(messages(10_000, 'warm'))
    const before = process.cpuUsage()
    await publisher.publishAll(messages(50_000))
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 50_000).toBeLessThan(100)
    expect(publisher.counters.acknowledged).toBe(60_000)
  })
})

describeWith({ mosquitto: 'own' }, 'createLedgerPublisher, with faults', ({ mosquitto }) => {
  for (const protocolVersion of [4, 5] as const) {
    it(`MQTT ${protocolVersion}: loses nothing through cuts, lost acknowledgements and broker restarts`, async () => {
      await using broker = await mosquitto.start()
      await using proxy = await createTcpProxy(broker.port)
      const session = { clientId: 'all', clean: false, properties: { sessionExpiryInterval: 3600 } }
      const subscription = { port: broker.port, protocolVersion, topics: 'devices/+/data', connect: session }
      await (await createRawSubscriber(subscription)).destroy()

      await using publisher = createLedgerPublisher({ port: proxy.port, protocolVersion, window: 200 })
      const published = publisher.publishAll(messages(20_000))
      const reach = (count: number) =>
        waitUntil(`${count} acknowledged`, () => publisher.counters.acknowledged >= count, {
          interval: '1ms',
        })

      await reach(3000)
      proxy.cut()
      await reach(6000)
      proxy.toClient('drop')
      await waitUntil('the window to fill', () => publisher.inFlight === 200)
      proxy.cut()
      proxy.toClient('flow')
      await reach(9000)
      await broker.restart()
      await reach(12_000)
      publisher.cut()
      await published

      expect(publisher.counters).toMatchObject({ sent: 20_000, acknowledged: 20_000 })
      expect(publisher.counters.reconnects).toBeGreaterThanOrEqual(4)
      expect(publisher.counters.resent).toBeGreaterThanOrEqual(200)
      expect(publisher.ledger.acknowledged.size).toBe(20_000)
      await using subscriber = await createRawSubscriber(subscription)
      const seen = () => idsOf(subscriber.messages).size
      await waitUntil('every message', () => seen() === 20_000, { interval: '200ms' })
    })
  }
})

describe('createLedgerPublisher, against a broker that does as told', () => {
  it('acknowledges in the ledger only what was acknowledged on the wire, and never exceeds Receive Maximum', async () => {
    await using broker = await createFakeBroker({
      receiveMaximum: 4,
      onPacket: ({ cmd }) => cmd === 'publish',
    })
    await using publisher = createLedgerPublisher({ port: broker.port, window: 100 })
    const published = publisher.publishAll(messages(6))
    const connection = await broker.connection(0)
    await waitUntil('four', () => connection.received.length === 4)
    expect([...publisher.ledger.acknowledged]).toEqual([])
    connection.send({ cmd: 'puback', messageId: 3, reasonCode: 0 })
    await waitUntil('a fifth', () => connection.received.length === 5)
    expect([...publisher.ledger.acknowledged]).toEqual(['m2'])
    connection.send(
      ...[1, 2, 4, 5].map((messageId) => ({ cmd: 'puback' as const, messageId, reasonCode: 0 })),
    )
    await waitUntil('the sixth', () => connection.received.length === 6)
    // A refusal and an answer to nothing: neither is an acknowledgement.
    connection.send(
      { cmd: 'puback', messageId: 6, reasonCode: 0x87 },
      { cmd: 'puback', messageId: 77, reasonCode: 0 },
    )
    await published
    expect(publisher.peakInFlight).toBe(4)
    expect([...publisher.ledger.acknowledged].sort()).toEqual(['m0', 'm1', 'm2', 'm3', 'm4'])
    expect([...publisher.ledger.refused]).toEqual([['m5', 0x87]])
  })

  it('repeats in the first order, with DUP and the same packet id if the session is there, without if not', async () => {
    let session = true
    await using broker = await createFakeBroker({
      onConnect: (_packet, { number }) => ({ sessionPresent: session && number > 0 }),
      onPacket: ({ cmd }) => cmd === 'publish',
    })
    await using publisher = createLedgerPublisher({ port: broker.port, reconnectDelay: '1ms' })
    const published = publisher.publishAll(messages(3))
    const sent = async (number: number) => {
      const connection = await broker.connection(number)
      const packets = []
      while (packets.length < 3) packets.push(await connection.next('publish'))
      return packets.map(({ messageId, dup }) => `${messageId}${dup ? ' again' : ''}`)
    }
    expect(await sent(0)).toEqual(['1', '2', '3'])
    broker.cut()
    expect(await sent(1)).toEqual(['1 again', '2 again', '3 again'])
    session = false
    broker.cut()
    expect(await sent(2)).toEqual(['1', '2', '3'])
    const last = await broker.connection(2)
    last.send(...[1, 2, 3].map((messageId) => ({ cmd: 'puback' as const, messageId, reasonCode: 0 })))
    await published
    expect(publisher.counters).toEqual({ sent: 3, acknowledged: 3, refused: 0, resent: 6, reconnects: 2 })
  })

  it('a new Receive Maximum after a reconnect bounds what is repeated too', async () => {
    await using broker = await createFakeBroker({
      onConnect: (_packet, { number }) => ({ properties: { receiveMaximum: number === 0 ? 10 : 2 } }),
      onPacket: ({ cmd }) => cmd === 'publish',
    })
    await using publisher = createLedgerPublisher({ port: broker.port })
    const published = publisher.publishAll(messages(20))
    await waitUntil('ten', () => broker.connections[0]?.received.length === 10)
    broker.cut()
    const again = await broker.connection(1)
    for (let index = 0; index < 20; index++) {
      await waitUntil('two under way', () => again.received.length === Math.min(index + 2, 20))
      again.send({ cmd: 'puback', messageId: index + 1, reasonCode: 0 })
    }
    await published
    expect(publisher.counters).toMatchObject({ acknowledged: 20, resent: 10 })
    expect(again.received.map(({ messageId }) => messageId)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    )
  })

  it('says when the broker refuses it for good, and tries again when it may help', async () => {
    await using closed = await createFakeBroker({ onConnect: () => ({ reasonCode: 0x86, returnCode: 4 }) })
    await using refused = createLedgerPublisher({ port: closed.port })
    await expect(refused.publishAll(messages(1))).rejects.toThrow('with code 134')

    await using busy = await createFakeBroker({
      onConnect: (_packet, { number }) => (number < 2 ? { reasonCode: 0x88 } : {}),
    })
    await using patient = createLedgerPublisher({ port: busy.port, reconnectDelay: '1ms' })
    await patient.publishAll(messages(1))
    expect(busy.connections).toHaveLength(3)
  })

  it('refuses a key that would be two lines of the file', async () => {
    await using broker = await createFakeBroker()
    await using publisher = createLedgerPublisher({ port: broker.port })
    const message = { key: 'a\nb', topic: 't', payload: '' }
    await expect(publisher.publishAll([message])).rejects.toThrow('has a line break')
    await publisher.publishAll(messages(1))
    expect([...publisher.ledger.acknowledged]).toEqual(['m0'])
  })

  it('close() ends a call that waits; the reason codes of the server are kept', async () => {
    await using broker = await createFakeBroker({ onPacket: ({ cmd }) => cmd === 'publish' })
    const publisher = createLedgerPublisher({ port: broker.port, reconnectDelay: '1ms' })
    const waiting = publisher.publishAll(messages(1))
    ;(await broker.connection(0)).disconnect(0x93)
    await (await broker.connection(1)).next('publish')
    expect(publisher.disconnects).toEqual([0x93])
    const failed = expect(waiting).rejects.toThrow('was closed')
    await publisher.close()
    await failed
    expect((await broker.connection(1)).received.at(-1)?.cmd).toBe('disconnect')
  })
})
