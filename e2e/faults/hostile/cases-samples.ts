import { waitUntil } from '@devicehub/test-kit'
import { ATTACKERS, attackerId } from './arena.js'
import { hostileCase, sleep } from './hostile-case.js'

const topicOf = (index: number) => `things/gauge/${attackerId(index)}/data`

export const constantIds = hostileCase({
  name: 'devices whose samples all have one id',
  async attack({ arena, quick }) {
    const turns = quick ? 20 : 200
    await Promise.all(
      arena.attackers.map(async (login, index) => {
        await using client = await arena.connect(login)
        for (let turn = 0; turn < turns; turn++)
          await client.publish(topicOf(index), JSON.stringify({ id: 'AA:BB:CC', level: turn }))
      }),
    )
    const injected = turns * ATTACKERS
    const sql = 'select count(*) from gauge_reading'
    await waitUntil('the samples to be stored', async () => (await arena.count(sql)) >= injected).catch(
      () => {},
    )
    const flagged = await arena.count(`${sql} where flags like '%id_reused%'`)
    const broken =
      flagged >= (turns - 1) * ATTACKERS ? [] : [`only ${flagged} samples say that their id came before`]
    return { injected, observed: await arena.count(sql), broken, details: { flagged } }
  },
})

export const impossibleClocks = hostileCase({
  name: 'clocks of 1970 and 2106',
  async attack({ arena, hub, quick }) {
    const turns = quick ? 10 : 100
    const claims = [12, 0xffffffff, '2106-02-07T06:28:15Z', '1970-01-01T00:00:12Z']
    await Promise.all(
      arena.attackers.map(async (login, index) => {
        await using client = await arena.connect(login)
        for (let turn = 0; turn < turns; turn++)
          await client.publish(
            topicOf(index),
            JSON.stringify({ timestamp: claims[turn % claims.length], level: turn }),
          )
      }),
    )
    const injected = turns * ATTACKERS
    const sql = `select count(*) from gauge_reading where flags like '%impossible_time%'`
    await waitUntil('the samples to be stored', async () => (await arena.count(sql)) >= injected).catch(
      () => {},
    )
    // What can be true, behind them: it is the newest.
    await Promise.all(
      arena.attackers.map(async (login, index) => {
        await using client = await arena.connect(login)
        await client.publish(topicOf(index), JSON.stringify({ timestamp: Date.now(), level: 1_000 + index }))
      }),
    )
    const newest = 'select count(*) from gauge_reading where level >= 1000'
    await waitUntil('the newest to be stored', async () => (await arena.count(newest)) >= ATTACKERS)
    const broken: string[] = []
    for (let index = 0; index < ATTACKERS; index++) {
      const latest = (await hub.ask({ do: 'latest', deviceId: attackerId(index) })) as {
        level: number
      } | null
      if (latest?.level !== 1_000 + index)
        broken.push(`the newest of ${attackerId(index)} is ${latest?.level}`)
    }
    return { injected, observed: await arena.count(sql), broken }
  },
})

/** What waits at the broker for each new subscription: MQTT 3.1.1 cannot ask for it to be left out. */
export const retainedFlood = hostileCase({
  name: 'retained samples at each subscription, MQTT 3.1.1',
  protocolVersion: 4,
  async attack({ arena, hub, quick }) {
    const rounds = quick ? 2 : 5
    await Promise.all(
      arena.attackers.map(async (login, index) => {
        await using client = await arena.connect(login)
        await client.publish(topicOf(index), '{"level":1}', { retain: true })
      }),
    )
    const readings = 'select count(*) from gauge_reading'
    await waitUntil('the live ones to be stored', async () => (await arena.count(readings)) >= ATTACKERS)
    const before = await arena.count(readings)
    const marked = `select count(*) from gauge_message where flags like '%retained%'`
    const injected = rounds * ATTACKERS
    for (let round = 1; round <= rounds; round++) {
      await hub.ask({ do: 'resubscribe' })
      await waitUntil('the retained ones', async () => (await arena.count(marked)) >= round * ATTACKERS, {
        timeout: '20s',
      }).catch(() => {})
      // What the healthy ones sent meanwhile waited for the new connection: from here on it counts again.
      await hub.take()
    }
    await sleep(2_000)
    const observed = await arena.count(marked)
    const again = (await arena.count(readings)) - before
    const broken =
      again > ATTACKERS
        ? [`${again} rows of ${ATTACKERS} retained samples after ${rounds} subscriptions`]
        : []
    return { injected, observed, broken, details: { storedOfRetained: again } }
  },
})
