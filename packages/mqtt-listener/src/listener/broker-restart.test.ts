import { createLedgerPublisher, describeWith, type MosquittoService, waitUntil } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { createMqttListener, type MqttListener, type MqttListenerOptions } from '../index.js'
import { createHeldHub, type HeldHub } from '../testing/held-hub.js'

const SENT = 1_500

interface Run {
  readonly listener: MqttListener
  readonly hub: HeldHub
  readonly acknowledged: number
  /** Messages that the broker acknowledged and the hub does not have. */
  readonly missing: () => number
}

/** Publishes at a steady rate, with an orderly restart of the broker in the middle. */
async function restartUnderLoad(
  starting: Promise<MosquittoService>,
  options: MqttListenerOptions,
  check: (run: Run) => Promise<void>,
): Promise<void> {
  await using broker = await starting
  const hub = createHeldHub()
  hub.held.settleAtOnce()
  await using listener = createMqttListener(hub, { url: broker.url, clientId: 'ingest-1', ...options })
  await listener.start()
  await using publisher = createLedgerPublisher({ port: broker.port })
  const publishing = publisher.publishAll(
    Array.from({ length: SENT }, (_, n) => ({
      key: String(n),
      topic: 'things/station/a/data',
      payload: String(n),
    })),
    { rate: 1_000 },
  )
  await waitUntil('half of it', () => publisher.ledger.acknowledged.size > SENT / 2)
  await broker.restart()
  await publishing
  const missing = () => {
    const stored = new Set(hub.held.received.map(({ text }) => text))
    return [...publisher.ledger.acknowledged].filter((key) => !stored.has(key)).length
  }
  await waitUntil('the listener to be back', () => listener.stats().state === 'connected')
  await check({ listener, hub, acknowledged: publisher.ledger.acknowledged.size, missing })
}

describeWith({ mosquitto: 'own' }, 'mosquitto restarted under load', ({ mosquitto }) => {
  test('invariant 1: a client id alone makes no group, and a listener in no group loses nothing', async () => {
    await restartUnderLoad(mosquitto.start(), {}, async ({ listener, acknowledged, missing }) => {
      expect(acknowledged).toBe(SENT)
      await waitUntil('everything that was acknowledged', () => missing() === 0)
      expect(listener.stats()).toMatchObject({ reconnects: 1, sessionsLost: 0, sharedSessionsResumed: 0 })
    })
  })

  test('a member of a group logs and counts that its session was resumed where groups may be forgotten', async () => {
    await restartUnderLoad(mosquitto.start(), { sharedGroup: 'ingest' }, async ({ listener, hub }) => {
      expect(listener.stats()).toMatchObject({ reconnects: 1, sessionsLost: 0, sharedSessionsResumed: 1 })
      const resumed = hub.log.filter(({ message }) =>
        /resumed a session with shared subscriptions/.test(message ?? ''),
      )
      expect(resumed).toMatchObject([
        {
          level: 'warn',
          message: expect.stringMatching(/without its shared subscriptions \(Mosquitto 2\.0\).*is lost/),
          fields: { clientId: 'ingest-1', group: 'ingest' },
        },
      ])
    })
  })
})
