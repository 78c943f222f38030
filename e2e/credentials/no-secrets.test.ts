import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { createBrokerAuth, listenerGrants } from '@devicehub/broker-auth'
import { createDeviceClient } from '@devicehub/client'
import { createDeviceHub, defineDeviceType, type Logger, reading } from '@devicehub/core'
import { nodeListener } from '@devicehub/http'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { createProvisioner } from '@devicehub/provision'
import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { describeWith, startAedes, waitUntil } from '@devicehub/test-kit'
import { Kysely } from 'kysely'
import { connectAsync } from 'mqtt'
import { expect, test } from 'vitest'
import { createSecretFinder } from '../secrets/find-secrets.js'

const Meter = defineDeviceType('meter', { readings: { level: reading.float() } })

describeWith(['sqlite'], 'invariant 8', () => {
  test('no secret is in the database, the logs, the errors or the signals, whatever is done with it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'devicehub-secrets-'))
    const told: unknown[] = []
    const note = (...parts: unknown[]) => void told.push(...parts)
    const logger: Logger = { debug: note, info: note, warn: note, error: note }
    const hubSecret = randomBytes(32).toString('base64')
    const file = join(folder, 'hub.db')
    const hub = createDeviceHub({
      types: [Meter],
      storage: kyselyStorage({ db: new Kysely({ dialect: sqliteDialect({ file }) }), closeDb: true }),
      logger,
      credentials: { secret: hubSecret },
      signals: { hasSubscribers: () => true, emit: note },
    })
    await hub.storage.migrate()
    const provisioner = createProvisioner(hub)
    const listenerPassword = randomBytes(32).toString('base64url')
    const brokerSecret = randomBytes(32).toString('hex')
    const hubAccount = { ...listenerGrants(hub), password: listenerPassword, clientId: 'ingest' }
    const brokerAuth = createBrokerAuth(hub, {
      secret: brokerSecret,
      accounts: (login) =>
        login.username === 'hub'
          ? login.password === null || login.password === listenerPassword
            ? {
                ...hubAccount,
                clientId: 'ingest*',
                publish: [...hubAccount.publish, 'things/$claim/+/response'],
                subscribe: [...hubAccount.subscribe, 'things/$claim/+/request'],
              }
            : null
          : provisioner.claimAccounts(login),
    })
    const { attachPresence, ...hooks } = brokerAuth.aedes()
    await using broker = await startAedes(hooks)
    attachPresence(broker.broker)
    const server = createServer(async (request, response) => {
      const handler = request.url === '/claim' ? provisioner.claimHandler : brokerAuth.fetch
      await nodeListener(handler)(request, response)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const http = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const listener = createMqttListener(hub, {
      url: broker.url,
      protocolVersion: 4,
      clientId: 'ingest',
      username: 'hub',
      password: listenerPassword,
    })
    await listener.start()
    const secrets: string[] = [hubSecret, listenerPassword, brokerSecret]
    const errors: unknown[] = []
    const refused = async (work: Promise<unknown>) => {
      const error = await work.then(
        () => Promise.reject(new Error('it was to be refused')),
        (cause: unknown) => cause,
      )
      errors.push(error)
    }

    // Issued, used, shown to nobody else.
    const { credentials } = await provisioner.generateCredentials(Meter, 'm1', { create: true })
    secrets.push(credentials.password, credentials.apiKey)
    await using device = createDeviceClient(Meter, {
      url: broker.url,
      deviceId: 'm1',
      protocolVersion: 4,
      credentials: { username: credentials.username, password: credentials.password },
    })
    await device.connect()
    await device.record({ level: 1.5 })
    await waitUntil('the sample', async () => (await hub.readings.latest(Meter, 'm1')) !== null)
    await refused(provisioner.generateCredentials(Meter, 'm1'))

    // Rotated and chosen by a person; wrong ones, over the broker and over HTTP, whole and broken.
    const rotated = await provisioner.rotate(Meter, 'm1')
    secrets.push(rotated.credentials.password, rotated.credentials.apiKey)
    const chosen = randomBytes(32).toString('base64url')
    secrets.push(chosen)
    await provisioner.setPassword(Meter, 'm1', chosen)
    await refused(provisioner.setPassword(Meter, 'm1', `${chosen}\0${'x'.repeat(2_000)}`))
    expect(await provisioner.verify({ username: 'meter-m1', password: chosen })).toMatchObject({
      deviceId: 'm1',
    })
    const wrong = randomBytes(32).toString('base64url')
    secrets.push(wrong)
    for (const [username, password] of [
      ['meter-m1', credentials.password],
      ['meter-m1', wrong],
      [wrong, wrong],
    ] as const)
      await refused(
        connectAsync(broker.url, {
          username,
          password,
          clientId: 'meter-m1',
          protocolVersion: 4,
          reconnectPeriod: 0,
        }),
      )
    const asks = (path: string, body: string, secret = brokerSecret) =>
      fetch(`${http}${path}`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', 'x-broker-secret': secret },
      })
    const login = JSON.stringify({ username: 'meter-m1', password: wrong, clientid: 'meter-m1' })
    const answers = [
      await asks('/emqx/authn', login),
      await asks('/emqx/authn', login.slice(0, -3)),
      await asks('/emqx/authn', login, wrong),
      await asks(`/${wrong}/emqx/authn`, login, ''),
      await asks('/broker/auth', `{"username":"${wrong}","password":{"a":"${wrong}"}}`),
    ]

    // Claimed over HTTP and MQTT, with good and bad keys.
    const claims = { name: 'batch', maxUses: 2, expiresIn: 600, createsDevices: true }
    const { key } = await provisioner.claims.create(Meter, claims)
    const proof = randomBytes(32).toString('hex')
    secrets.push(key, proof)
    const claimOver = async (body: object) => {
      const answer = await fetch(`${http}/claim`, { method: 'POST', body: JSON.stringify(body) })
      return (await answer.json()) as { credentials?: Record<string, string> }
    }
    const claimed = await claimOver({ claim_key: key, device_id: 'm2', proof })
    secrets.push(...Object.values(claimed.credentials ?? {}).filter((text) => text.length >= 32))
    answers.push(
      new Response(JSON.stringify(await claimOver({ claim_key: wrong, device_id: 'm3', proof }))),
      new Response(JSON.stringify(await claimOver({ claim_key: key, device_id: 'm1', proof }))),
    )
    await provisioner.serveClaims(listener)
    const clientId = 'claim_0123456789abcdef'
    const claimer = await connectAsync(broker.url, {
      username: 'claim',
      password: key,
      clientId,
      protocolVersion: 4,
      reconnectPeriod: 0,
    })
    const replies: string[] = []
    claimer.on('message', (_topic, payload) => replies.push(payload.toString()))
    await claimer.subscribeAsync(`things/$claim/${clientId}/response`, { qos: 1 })
    const request = JSON.stringify({ claim_key: key, device_id: 'm4', proof })
    await waitUntil('the answer to the claim', async () => {
      await claimer.publishAsync(`things/$claim/${clientId}/request`, request, { qos: 1 })
      await claimer.publishAsync(`things/$claim/${clientId}/request`, request.slice(1), { qos: 1 })
      return replies.some((reply) => reply.includes('"mqtt_password"'))
    })
    for (const reply of replies) {
      const { credentials: given = {} } = JSON.parse(reply) as { credentials?: Record<string, string> }
      secrets.push(...Object.values(given).filter((text) => text.length >= 32))
    }
    await claimer.endAsync()

    // Imported, from rows of which one carries what it should not.
    const output = join(folder, 'issued.csv')
    const rows = [{ device_id: 'm5' }, { device_id: `bad ${wrong}` }, { device_id: 'm6', password: wrong }]
    const report = await provisioner.importDevices(Meter, { rows }, { output: { file: output } })
    const issued = readFileSync(output, 'utf8')
    secrets.push(...issued.split(/[,\n]/).filter((text) => text.length >= 43))
    await provisioner.revoke(Meter, 'm1')
    await device.close()
    await hub.close()
    await brokerAuth.close()
    server.close()

    expect(report).toMatchObject({ created: expect.any(Number), failed: expect.any(Number) })
    expect(new Set(secrets).size).toBeGreaterThan(14)
    const find = createSecretFinder(secrets)
    // It can find them where they may be.
    expect(find(issued).length).toBeGreaterThan(1)

    const shown = (value: unknown) =>
      inspect(value, { depth: 20, maxStringLength: null, maxArrayLength: null })
    for (const answer of answers) expect(find(await answer.text())).toEqual([])
    // What the caller gave wrong is said back to it, and to nobody else.
    const withoutIds = {
      ...report,
      failures: report.failures.map(({ line, outcome }) => ({ line, outcome })),
    }
    expect(find(shown(withoutIds))).toEqual([])
    expect(find(errors.map(shown).join('\n'))).toEqual([])
    expect(told.length).toBeGreaterThan(10)
    expect(find(told.map(shown).join('\n'))).toEqual([])
    const databases = readdirSync(folder).filter((name) => name.startsWith('hub.db'))
    for (const name of databases) expect(find(readFileSync(join(folder, name), 'latin1'))).toEqual([])
    const written = databases.map((name) => readFileSync(join(folder, name), 'latin1')).join('')
    expect(written).toContain('meter-m5')
    rmSync(folder, { recursive: true, force: true })
  })
})
