import type { Duration } from '@devicehub/core'
import { DeviceHubError, type InboundMessage } from '@devicehub/core'
import { createLimitedLines } from '@devicehub/core/transport'
import { doneWithin, withTimeout } from '@devicehub-internal/async'
import type { ProvisionHub } from '../provision-hub.js'
import type { ClaimDesk } from './claim-desk.js'
import { unavailable } from './claim-reply.js'
import type { ClaimTopics } from './claim-topics.js'

/** A listener that handles any topic: one of `@devicehub/mqtt-listener`. */
export interface ClaimListener<Subscription = unknown> {
  /** Names the listener in error texts. */
  readonly name: string
  /**
   * As `handle` of an MQTT listener: subscribes to a filter outside the device topics, and acknowledges when the
   * handler's promise resolves.
   */
  handle(
    filter: string,
    handler: (message: InboundMessage) => unknown,
    options?: {
      readonly qos?: 0 | 1 | 2
      readonly timeout?: Duration
      readonly name?: string
      readonly broker?: string
    },
  ): Subscription
}

/** Milliseconds after which the answer is to try again. */
const ANSWER_WITHIN = 15_000
/** The handler ends within this time, whatever hangs: the message of one that is too slow would be stored, with the key in it. */
const END_WITHIN = 25_000
const HANDLER_TIMEOUT = '1m'
const PAYLOAD_MAX = 4_096
/** How long a broker keeps the answer for a device that has disconnected. */
const ANSWER_EXPIRES = '1m'

/**
 * Answers claims over MQTT. The handler never fails: the message of a failed one would become an audit row. QoS 0, so that
 * no broker stores requests, and the keys in them, that nobody waits for; devices ask again.
 */
export function serveClaims<Subscription>(
  hub: Pick<ProvisionHub, 'publish' | 'logger' | 'clock'>,
  topics: ClaimTopics,
  desk: ClaimDesk,
  listener: ClaimListener<Subscription>,
  broker: string | undefined,
): Subscription {
  const { logger, clock } = hub
  const limited = createLimitedLines({ clock, onOverflow() {} })

  async function answer(clientId: string, payload: Uint8Array): Promise<void> {
    const response = topics.of(clientId)?.response
    if (response === undefined) return
    // A text that is too long is answered as one that is not JSON.
    const text = payload.length > PAYLOAD_MAX ? '' : new TextDecoder().decode(payload)
    // A broker sends no address; limiting clients that reconnect for each claim is its task.
    const { body } = await withTimeout(ANSWER_WITHIN, desk.answer(`mqtt ${clientId}`, text), unavailable)
    await hub.publish(
      {
        topic: response,
        payload: JSON.stringify(body),
        contentType: 'application/json',
        expiresIn: ANSWER_EXPIRES,
      },
      broker ?? listener.name,
    )
  }

  function report(cause: unknown): void {
    const err = cause instanceof Error ? cause : new DeviceHubError('publish_failed', String(cause))
    limited('publish', (suppressed) =>
      logger.error(
        { err, ...(suppressed > 0 && { suppressed }) },
        'the answer to a claim could not be published; the device will ask again',
      ),
    )
  }

  async function handle({ topic, payload }: InboundMessage): Promise<void> {
    const clientId = topics.clientIdOf(topic)
    if (clientId === null) return
    await doneWithin(END_WITHIN, answer(clientId, payload).catch(report))
  }

  return listener.handle(topics.requests, handle, {
    qos: 0,
    timeout: HANDLER_TIMEOUT,
    name: 'claims',
    ...(broker === undefined ? {} : { broker }),
  })
}
