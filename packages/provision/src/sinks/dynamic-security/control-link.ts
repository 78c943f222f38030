import { randomUUID } from 'node:crypto'
import { DeviceHubError } from '@devicehub/core'
import { disconnectReason, readDisconnect, type ServerDisconnect } from '@devicehub/core/transport'
import { doneWithin, withTimeout } from '@devicehub-internal/async'
import type { MqttClient } from 'mqtt'
import type { ControlCommand } from './commands.js'
import { type ControlAnswer, controlResponse } from './control-answer.js'
import type { ControlSettings } from './control-settings.js'
import { loadMqtt } from './load-mqtt.js'

const TOPIC = '$CONTROL/dynamic-security/v1'
/** Milliseconds for a DISCONNECT to be sent. */
const LAST_WORDS = 1_000
const NOT_AUTHORIZED = [4, 5, 0x86, 0x87]

/** One connection to the broker's dynamic security. */
export interface ControlLink {
  /** False once it has failed; then every call rejects. */
  readonly alive: boolean
  /** The answers in the order of the commands. Rejects when there is none in time, and ends the connection. */
  ask(commands: readonly ControlCommand[]): Promise<readonly ControlAnswer[]>
  end(): Promise<void>
}

interface Question {
  readonly answers: (ControlAnswer | undefined)[]
  missing: number
  readonly resolve: (answers: readonly ControlAnswer[]) => void
}

/** Rejects with `connection_refused`, `transport_unavailable`, `sink_failed` or `missing_dependency`. */
export async function openControlLink(settings: ControlSettings): Promise<ControlLink> {
  const mqtt = await loadMqtt()
  const { shown, timeout } = settings
  const client = mqtt.connect(settings.url, clientOptions(settings))

  let failure: DeviceHubError | null = null
  let fail = (_error: DeviceHubError) => {}
  const failed = new Promise<never>((_, reject) => {
    fail = (error) => {
      failure ??= error
      client.end(true)
      reject(failure)
    }
  })
  failed.catch(() => {})

  const within = <T>(promise: Promise<T>, what: string): Promise<T> =>
    withTimeout(timeout, Promise.race([promise, failed]), () => {
      fail(unavailable(`${shown} ${what} within ${timeout} ms`))
      return failed
    })

  const questions = new Map<string, { question: Question; index: number }>()
  // Distinguishes answers to this connection from those to other administrators.
  const run = randomUUID()
  let lastId = 0

  let connack: ServerDisconnect | null = null
  client.on('packetreceive', (packet) => {
    if (packet.cmd === 'connack') connack = readDisconnect(packet)
  })
  client.on('error', (error) => fail(connectionError(error, shown, connack)))
  client.on('close', () => fail(unavailable(`the connection to ${shown} was closed`)))
  client.on('disconnect', (packet) =>
    fail(unavailable(`${shown} ended the connection: ${disconnectReason(readDisconnect(packet))}`)),
  )
  client.on('message', (_topic, payload) => {
    const answers = readAnswers(payload)
    if (answers === null)
      return fail(
        new DeviceHubError(
          'sink_failed',
          `${shown} sent an answer that dynamic security does not send; is this broker Mosquitto?`,
        ),
      )
    for (const answer of answers) {
      // Every administrator hears the answers to all of them.
      const asked = questions.get(answer.correlationData ?? '')
      if (asked === undefined) continue
      questions.delete(answer.correlationData ?? '')
      asked.question.answers[asked.index] = answer
      if (--asked.question.missing === 0) asked.question.resolve(asked.question.answers as ControlAnswer[])
    }
  })

  const connected = new Promise<void>((resolve) => client.once('connect', () => resolve()))
  client.connect()
  await within(connected, 'accepted no connection')
  await within(subscribe(client, settings), 'answered no SUBSCRIBE')

  return {
    get alive() {
      return failure === null
    },
    ask(commands) {
      if (failure !== null) return Promise.reject(failure)
      const ids = commands.map(() => `${run}-${++lastId}`)
      const answered = new Promise<readonly ControlAnswer[]>((resolve) => {
        const question: Question = {
          answers: commands.map(() => undefined),
          missing: commands.length,
          resolve,
        }
        ids.forEach((id, index) => {
          questions.set(id, { question, index })
        })
      })
      const body = {
        commands: commands.map((command, index) => ({ ...command, correlationData: ids[index] })),
      }
      client.publish(TOPIC, JSON.stringify(body), { qos: 1 }, (error) => {
        if (error) fail(notAllowed(error, client, settings))
      })
      return within(answered, `gave no answer on ${TOPIC}; is the dynamic security plugin loaded? None`)
    },
    async end() {
      // Bounded: a broker that owes an acknowledgement would keep a polite end waiting.
      if (failure === null) await doneWithin(LAST_WORDS, client.endAsync())
      client.end(true)
    },
  }
}

const silent = () => {}

function clientOptions({ tls, url, username, password, clientId, timeout }: ControlSettings) {
  return {
    ...(url.startsWith('mqtts:') ? tls : {}),
    ...(url.startsWith('wss:') ? { wsOptions: tls } : {}),
    username,
    password,
    clientId,
    clean: true,
    protocolVersion: 5 as const,
    connectTimeout: timeout,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    manualConnect: true,
    // Its debug output would show passwords.
    log: silent,
  }
}

async function subscribe(client: MqttClient, settings: ControlSettings): Promise<void> {
  try {
    await client.subscribeAsync(`${TOPIC}/response`, { qos: 1 })
  } catch (error) {
    throw notAllowed(error, client, settings)
  }
}

function readAnswers(payload: Buffer): readonly ControlAnswer[] | null {
  try {
    return controlResponse.parse(JSON.parse(payload.toString())).responses
  } catch {
    return null
  }
}

const unavailable = (message: string, cause?: unknown) =>
  new DeviceHubError('transport_unavailable', message, cause === undefined ? {} : { cause })

function connectionError(error: Error, shown: string, connack: ServerDisconnect | null): DeviceHubError {
  const { code } = error as { code?: unknown }
  if (typeof code === 'number' && NOT_AUTHORIZED.includes(code))
    return new DeviceHubError('connection_refused', `${shown} refused the administrator's credentials`)
  if (typeof code === 'number' && connack !== null)
    return unavailable(
      `cannot connect to ${shown}: ${disconnectReason({ ...connack, reasonCode: code })}`,
      error,
    )
  return unavailable(`cannot connect to ${shown}: ${error.message || String(code)}`, error)
}

/** The cause is left out: mqtt.js may put the packet into its errors, and the packet holds passwords. */
function notAllowed(
  error: unknown,
  client: MqttClient,
  { shown, username }: ControlSettings,
): DeviceHubError {
  const { code } = error as { code?: unknown }
  if (typeof code !== 'number' && !client.connected) return unavailable(`the connection to ${shown} was lost`)
  const reason = typeof code === 'number' ? ` (reason 0x${code.toString(16)})` : ''
  return new DeviceHubError(
    'sink_failed',
    `${shown} does not let ${JSON.stringify(username)} administer dynamic security${reason}; give that user the role "admin"`,
  )
}
