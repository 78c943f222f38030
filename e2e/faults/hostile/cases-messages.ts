import type { RawMqttClient } from '@devicehub/test-kit'
import { waitUntil } from '@devicehub/test-kit'
import { type Arena, ATTACKERS, attackerId } from './arena.js'
import { hostileCase, sleep } from './hostile-case.js'
import { POISON_COUNT } from './poison.js'
import { HORROR_COUNT } from './types.js'

const topicOf = (index: number, channel = 'data') => `things/gauge/${attackerId(index)}/${channel}`

/** All attackers at once, each `publish` once for each of its turns. */
async function asAttackers(
  arena: Arena,
  turns: number,
  publish: (client: RawMqttClient, index: number, turn: number) => Promise<unknown>,
): Promise<void> {
  await Promise.all(
    arena.attackers.map(async (login, index) => {
      await using client = await arena.connect(login)
      for (let turn = 0; turn < turns; turn++) await publish(client, index, turn)
    }),
  )
}

/** Waits until as many rows are there as should be; what is not there by then shows in what was observed. */
async function rowsOf(arena: Arena, wanted: number, sql: string): Promise<number> {
  await waitUntil('the hostile messages to be on record', async () => (await arena.count(sql)) >= wanted, {
    timeout: '1m',
  }).catch(() => {})
  return arena.count(sql)
}

export const envelopesFromCode = hostileCase({
  name: 'envelopes that no database takes, from code, postgres',
  async attack({ hub, arena, quick }) {
    const times = quick ? 20 : 200
    const outcomes: Record<string, number> = {}
    for (let n = 0; n < ATTACKERS; n++) {
      const statuses = (await hub.ask({ do: 'poison', deviceId: attackerId(n), times: times / 10 })) as object
      for (const [status, count] of Object.entries(statuses))
        outcomes[status] = (outcomes[status] ?? 0) + count
    }
    const observed = await arena.count(
      `select count(*) from gauge_message where flags like 'bad_envelope:%' and processing_status = 'processed'`,
    )
    return { injected: times * POISON_COUNT, observed, details: { outcomes } }
  },
})

export const envelopesFromSenders = hostileCase({
  name: 'envelopes of MQTT 5 that are too much, mosquitto',
  async attack({ arena, quick }) {
    const turns = quick ? 10 : 100
    const horrors = [
      { contentType: 'x'.repeat(60_000) },
      { correlationData: Buffer.alloc(60_000, 120) },
      {
        userProperties: Object.fromEntries(
          Array.from({ length: 1_000 }, (_, n) => [`p${n}`, 'x'.repeat(50)]),
        ),
      },
      { userProperties: { a: 'x'.repeat(60_000) } },
    ]
    await asAttackers(arena, turns, async (client, index, turn) => {
      await client.publish(topicOf(index), `{"level":${turn}}`, {
        properties: horrors[turn % horrors.length] ?? {},
      })
      await sleep(50)
    })
    const injected = turns * ATTACKERS
    const observed = await rowsOf(
      arena,
      injected,
      `select count(*) from gauge_message where flags like '%bad_envelope:%'`,
    )
    return { injected, observed }
  },
})

export const asynchronousSchemas = hostileCase({
  name: 'schemas whose look-up rejects, postgres',
  async attack({ arena, quick }) {
    const turns = quick ? 20 : 200
    await asAttackers(arena, turns, (client, index, turn) =>
      turn % 2 === 0
        ? client.publish(topicOf(index), `{"level":${turn},"checked":{"serial":"a"}}`)
        : client.publish(topicOf(index, 'state'), '{"reported":{"mode":"eco","profile":"x"}}'),
    )
    const injected = turns * ATTACKERS
    const sql = `select count(*) from gauge_message where error_code = 'partially_rejected'`
    return { injected, observed: await rowsOf(arena, injected, sql) }
  },
})

export const horribleCodec = hostileCase({
  name: 'a codec that returns promises, classes and itself, or throws',
  async attack({ arena, quick }) {
    const injected = (quick ? 20 : 300) * HORROR_COUNT
    await using client = await arena.connect(arena.odd)
    for (let n = 0; n < injected; n++)
      await client.publish(
        `things/odd/${attackerId(0)}/${n % 2 === 0 ? 'data' : 'state'}`,
        Buffer.of(n % HORROR_COUNT),
      )
    const sql = `select count(*) from odd_message where error_code = 'undecodable' and length(processing_error) <= 2000`
    return { injected, observed: await rowsOf(arena, injected, sql) }
  },
})

const deep = (open: string, close: string, count: number) => open.repeat(count) + close.repeat(count)
const LARGE: readonly string[] = [
  `{"level":1,"extra":${deep('[', ']', 400_000)}}`,
  `{"level":1,"extra":${'{"a":'.repeat(150_000)}1${'}'.repeat(150_000)}}`,
  `[${'1,'.repeat(500_000)}1]`,
  `[${'{},'.repeat(9_999)}{}]`,
  `{"level":1,${Array.from({ length: 80_000 }, (_, n) => `"f${n}":1`).join(',')}}`,
  `{"readings":[${'1,'.repeat(400_000)}1]}`,
  `{"readings":[${'{"type":"level","value":1},'.repeat(30_000)}{"type":"level","value":1}]}`,
  `{"__proto__":{"level":1e400},"level":${'9'.repeat(100_000)}}`,
  'x'.repeat((1 << 20) + 1),
  deep('[', '', 1_000_000),
]

/** As many samples as a message may hold, all of them good: others of its device are behind it. */
const backfill = (turn: number): string => {
  const first = 1_750_000_000_000 + turn * 10_000
  return JSON.stringify(Array.from({ length: 10_000 }, (_, n) => ({ level: n, timestamp: first + n })))
}

export const largeAndDeep = hostileCase({
  name: 'payloads of up to 1 MiB: depth, lists, fields, numbers, 10,000 samples',
  async attack({ arena, quick }) {
    // One after the other: it is what one of them costs the others that is looked at, not how many the machine takes.
    const turns = quick ? 2 : 10
    const injected = (LARGE.length + 1) * turns
    await using client = await arena.connect(arena.attackers[0] as Arena['odd'])
    for (let turn = 0; turn < turns; turn++)
      for (const payload of [...LARGE, backfill(turn)]) {
        await client.publish(topicOf(0), payload)
        await sleep(200)
      }
    return { injected, observed: await rowsOf(arena, injected, 'select count(*) from gauge_message') }
  },
})

export const hostileReplies = hostileCase({
  name: 'replies and topics with escape sequences, NUL and 50,000 characters',
  async attack({ arena, hub, quick }) {
    const turns = quick ? 5 : 50
    const broken: string[] = []
    const text = `\x1b[2J\0\u202e\ud800${'x'.repeat(50_000)}`
    let observed = 0
    await using client = await arena.connect(arena.attackers[0] as Arena['odd'])
    await client.subscribe(topicOf(0, 'cmd'))
    await client.publish(topicOf(0, 'status'), '{"status":"online"}')
    for (let turn = 0; turn < turns; turn++) {
      const command = turn % 2 === 0 ? 'measure' : 'look'
      const id = (await hub.ask({ do: 'send', deviceId: attackerId(0), command })) as string
      await client.next('publish', { where: ({ payload }) => String(payload).includes(id) })
      const reply =
        turn % 3 === 0 ? { id, status: 'failed', error: text } : { id, status: 'succeeded', result: { text } }
      await client.publish(topicOf(0, 'response'), JSON.stringify(reply))
      await client.publish(
        topicOf(0, 'status'),
        JSON.stringify({ status: text, firmware_version: '1\x1b[2J' }),
      )
      const info = await waitUntil(
        'the command to end',
        async () => {
          const found = (await hub.ask({ do: 'command', id })) as { state: string; reason: string } | null
          return found?.state === 'failed' ? found : null
        },
        { timeout: '30s' },
      ).catch(() => null)
      if (info === null) broken.push('a command is not failed after its reply')
      else if (info.reason.length > 2_000 || /[\p{Cc}\u202e]/u.test(info.reason))
        broken.push('the reason of a command has what its device sent')
      else observed++
    }
    const raw = await arena.count(`select count(*) from gauge_device where firmware_version ~ '[[:cntrl:]]'`)
    if (raw > 0) broken.push('a firmware version has control characters')
    return { injected: turns, observed, broken }
  },
})
