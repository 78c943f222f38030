import { DeviceHubError, type InboundMessage, memoryStorage } from '@devicehub/core'
import type { Transport } from '@devicehub/core/transport'
import { expect, test } from 'vitest'
import { countedKeys } from '../testing/counted-keys.js'
import { provisionWorld, Station, type WorldOptions } from '../testing/provision-world.js'

const proof = 'a proof of sixteen characters or more'
const CLIENT = 'claim_0123456789abcdef'
const OTHER = 'claim_fedcba9876543210'
const BAD = { claim_key: 'wrong', device_id: 'S-1', proof }

interface Answer {
  readonly status?: number
  readonly code?: string
  readonly detail?: string
  readonly credentials?: object
}

/** Claims served over both ways; `ask` is what a device does over MQTT, `post` over HTTP. */
function bothWays(options: WorldOptions = {}) {
  const world = provisionWorld(options)
  const answers: Answer[] = []
  const transport: Transport = {
    name: 'broker',
    async start() {},
    async stop() {},
    publish: async ({ payload }) => void answers.push(JSON.parse(String(payload))),
  }
  world.hub.attach(transport)
  let handle: (message: InboundMessage) => unknown = () => {}
  world.provisioner.serveClaims({
    name: 'broker',
    handle(_filter, handler) {
      handle = handler
    },
  })
  return Object.assign(world, {
    answers,
    async ask(request: unknown, clientId = CLIENT): Promise<Answer | undefined> {
      const payload = Buffer.from(typeof request === 'string' ? request : JSON.stringify(request))
      await handle({ topic: `things/$claim/${clientId}/request`, payload, source: 'mqtt:broker' })
      return answers.at(-1)
    },
    async post(request: unknown): Promise<Answer> {
      const message = { method: 'POST', body: JSON.stringify(request) }
      const response = await world.provisioner.claimHandler(new Request('http://hub.example/', message), {
        remoteAddress: '192.0.2.1',
      })
      return response.json() as Promise<Answer>
    },
    lines: (text: string) => world.log.filter((line) => line.includes(text)).map((line) => JSON.parse(line)),
  })
}

const keyOf = ({ provisioner }: ReturnType<typeof provisionWorld>) =>
  provisioner.claims.create(Station, { name: 'batch', maxUses: 9, expiresIn: 3_600, createsDevices: true })

test('refused claims of one client id are bounded as those of an address; other clients and HTTP are not', async () => {
  await using world = bothWays({ claimHandler: { maxFailures: 3 } })
  const { key } = await keyOf(world)
  for (const bad of [BAD, 'no JSON', 'x'.repeat(5_000)])
    expect((await world.ask(bad))?.status).toBe(bad === BAD ? 403 : 400)
  expect(await world.ask({ ...BAD, claim_key: key })).toMatchObject({
    status: 429,
    code: 'too_many_failures',
    detail: expect.stringMatching(/try again in \d+ s/),
  })
  expect(await world.ask({ ...BAD, claim_key: key }, OTHER)).toHaveProperty('credentials')
  expect(await world.post({ ...BAD, claim_key: key, device_id: 'S-2' })).toHaveProperty('credentials')
  world.later(60_000)
  expect(await world.ask({ ...BAD, claim_key: key, device_id: 'S-3' })).toHaveProperty('credentials')
})

test('of many that come at once over MQTT only as many are looked at as may fail', async () => {
  const keys = countedKeys()
  await using world = bothWays({ storage: keys.storage })
  await Promise.all(Array.from({ length: 500 }, () => world.ask(BAD)))
  expect(keys.lookups).toBe(30)
  expect(world.answers.filter(({ status }) => status === 429)).toHaveLength(470)
})

test('the stats count claims over HTTP and over MQTT', async () => {
  await using world = bothWays({ claimHandler: { maxFailures: 1 } })
  const { key } = await keyOf(world)
  await world.ask({ ...BAD, claim_key: key })
  await world.post({ ...BAD, claim_key: key, device_id: 'S-2' })
  for (let i = 0; i < 2; i++) {
    await world.ask(BAD)
    await world.post(BAD)
  }
  expect(world.provisioner.stats().claims).toEqual({ claimed: 2, refused: 2, blocked: 2, withoutAddress: 0 })
})

test('refusals are one line a minute for each reason and key, with how many there were', async () => {
  await using world = bothWays({ claimHandler: { maxFailures: 1_000 } })
  const { key, id } = await keyOf(world)
  for (let i = 0; i < 50; i++) {
    await world.ask({ ...BAD, claim_key: `wrong ${i}`, device_id: `S-${i}` })
    await world.post({ ...BAD, claim_key: key, device_id: `a/${i}` })
  }
  expect(world.lines('a claim was refused')).toMatchObject([
    { reason: 'unknown_key', deviceId: 'S-0' },
    { reason: 'bad_device_id', deviceId: 'a/0', claimKey: id },
  ])
  world.later(60_000)
  await world.ask({ ...BAD, device_id: 'S-99' })
  expect(world.lines('a claim was refused').at(-1)).toMatchObject({ deviceId: 'S-99', suppressed: 49 })
})

test('neither claims that fail, nor a device that claims again and again, fill the log', async () => {
  let isAway = true
  const adapter = memoryStorage()
  const storage = {
    name: 'away',
    open(context: Parameters<typeof adapter.open>[0]) {
      const opened = adapter.open(context)
      const findKey = async (lookup: string) => {
        if (isAway) throw new DeviceHubError('storage_unavailable', 'away')
        return opened.claims.findKey(lookup)
      }
      return { ...opened, claims: { ...opened.claims, findKey } }
    },
  }
  await using world = bothWays({ storage })
  const { key } = await keyOf(world)
  const good = { ...BAD, claim_key: key }
  for (let i = 0; i < 50; i++) expect((await world.ask(good))?.status).toBe(503)
  expect(world.lines('a claim failed')).toHaveLength(1)
  isAway = false
  for (let i = 0; i < 50; i++) expect(await world.ask(good)).toHaveProperty('credentials')
  expect(world.lines('has claimed')).toHaveLength(2)
})
