import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { errorLine } from '@devicehub/core/transport'
import { Aedes, type AedesOptions } from 'aedes'
import { freePort } from './free-port.js'
import { SERVICE_OPTIONS, type ServiceOptions } from './managed-service.js'

/** The options of Aedes itself (`authenticate`, `authorizePublish`, ...), and the port. */
export interface AedesServiceOptions extends AedesOptions, ServiceOptions {}

/** A broker inside the test process: MQTT 3.1.1 only, no shared subscriptions, its state in memory. */
export interface AedesService extends AsyncDisposable {
  /** Always `aedes`. */
  readonly name: 'aedes'
  /** Always `127.0.0.1`. */
  readonly host: '127.0.0.1'
  /** The port it listens on. */
  readonly port: number
  /** `mqtt://127.0.0.1:<port>`. */
  readonly url: string
  /** Aedes' own object, to publish from within or to listen to its events. */
  readonly broker: Aedes
  /** Closes every connection at once. Clients may connect again. */
  cut(): void
  /** Closes every connection and stops the broker. Calling it again does nothing. */
  close(): Promise<void>
}

/** Aedes looks at some of its options only when it works with them, as with its heartbeat a minute later. */
const FIGURE = check.optional(check.integer({ min: 0 }))
const OPTIONS = check.partOf<ServiceOptions & Figures>(
  {
    ...SERVICE_OPTIONS,
    concurrency: FIGURE,
    heartbeatInterval: FIGURE,
    connectTimeout: FIGURE,
    drainTimeout: FIGURE,
    keepaliveLimit: FIGURE,
    queueLimit: FIGURE,
    maxInflightInbound: FIGURE,
    maxClientsIdLength: FIGURE,
    maxTopicLevels: FIGURE,
    id: check.optional(check.text({ max: 255 })),
  },
  'an object of options',
)

type Figures = Pick<
  AedesOptions,
  | 'id'
  | 'concurrency'
  | 'heartbeatInterval'
  | 'connectTimeout'
  | 'drainTimeout'
  | 'keepaliveLimit'
  | 'queueLimit'
  | 'maxInflightInbound'
  | 'maxClientsIdLength'
  | 'maxTopicLevels'
>

function acceptOptions(given: unknown): AedesServiceOptions {
  const options = check.accept('startAedes', 'options', check.record, given)
  check.accept('startAedes', 'options', OPTIONS, options)
  return options as AedesServiceOptions
}

/** What the library says of its own options. */
const createBroker = (options: AedesOptions): Promise<Aedes> =>
  Promise.resolve()
    .then(() => Aedes.createBroker(options))
    .catch((cause: unknown) => {
      throw new DeviceHubError('invalid_options', `startAedes: ${errorLine(cause)}`, { cause })
    })

/**
 * Starts Aedes in the test's own process, on loopback. Nothing has to be installed. `invalid_options` when Aedes
 * refuses an option.
 *
 * @example
 * import { startAedes } from '@devicehub/test-kit'
 *
 * await using broker = await startAedes({
 *   authenticate: (_client, username, _password, done) => done(null, username === 'device'),
 * })
 */
export async function startAedes(given: AedesServiceOptions = {}): Promise<AedesService> {
  const { port: wanted, ...brokerOptions } = acceptOptions(given)
  const broker = await createBroker(brokerOptions)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    broker.handle(socket)
  })
  const port = wanted ?? (await freePort())
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= (async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      cut()
      await closed
      if (!broker.closed) await new Promise<void>((resolve) => broker.close(resolve))
    })()
    return stopped
  }
  return {
    name: 'aedes',
    host: '127.0.0.1',
    port,
    url: `mqtt://127.0.0.1:${port}`,
    broker,
    cut,
    close: stop,
    [Symbol.asyncDispose]: stop,
  }
}
