import { encodeWith } from '../model/codec/run-codec.js'
import { optionOf } from '../model/device-type/default-options.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { topicOf } from '../model/topic/build-topic.js'
import type { OutboundMessage } from '../ports/transport.js'
import type { DueTwin } from '../ports/twins.js'
import { toWire } from '../twin/twin.js'
import type { DispatchRound } from './dispatcher.js'
import { CLAIM_TTL, type DispatchContext, publishableTypes } from './publish-commands.js'

/** Documents in one look. */
const LOOK_MAX = 200
/** Milliseconds until a document that could not be published is tried again. */
const AGAIN_AFTER = 1_000
/** The same for one that cannot be written at all, which a new release of this process may mend. */
const UNWRITABLE_AGAIN_AFTER = 60_000

/** Claims the desired documents that have to be published, one publisher a device at a time: the newest is retained last. */
export async function lookForDesired(context: DispatchContext): Promise<DispatchRound> {
  const types = publishableTypes(context)
  if (types.length === 0) return { more: false, work: [] }
  const { claim } = context
  const due = await context.storage.twins.claimDue({ claim, ttl: CLAIM_TTL, types, limit: LOOK_MAX })
  return {
    more: due.length === LOOK_MAX,
    work: due.flatMap((twin) => {
      const type = context.types.find(({ key }) => key === twin.typeKey)
      return type === undefined ? [] : [publish(context, type, twin)]
    }),
  }
}

async function publish(context: DispatchContext, type: AnyDeviceType, twin: DueTwin): Promise<void> {
  const { storage, clock, logger, claim } = context
  const { deviceId, version } = twin
  let message: OutboundMessage
  try {
    message = desiredMessage(context, type, twin)
  } catch (error) {
    logger.error(
      { err: error, type: type.key, deviceId },
      'desired state is not published: it cannot be written; once the codec can, it goes out within a minute',
    )
    return storage.twins.release(claim, [twin], UNWRITABLE_AGAIN_AFTER)
  }
  try {
    await context.publish(message, optionOf(type, 'broker'))
    const now = clock.now()
    const row = {
      type,
      deviceId,
      channel: 'desired' as const,
      direction: 'out' as const,
      source: 'twin',
      message,
      now,
    }
    await context.record({ ...row, desired: { version, claim } })
  } catch (error) {
    context.faults.desired.failed(error, (fault, remedy) =>
      logger.warn(
        { ...fault, type: type.key, deviceId },
        `desired state could not be published; it is tried again${remedy === null ? '' : `: ${remedy}`}`,
      ),
    )
    await storage.twins.release(claim, [twin], AGAIN_AFTER)
  }
}

/** Retained: a device that was away gets the newest document, and only that. An empty one takes it from the broker. */
function desiredMessage(context: DispatchContext, type: AnyDeviceType, twin: DueTwin): OutboundMessage {
  const { topicPrefix: prefix, deviceIdMaxLength } = context
  const codec = optionOf(type, 'codec')
  const { deviceId, desired, version } = twin
  const topic = topicOf(type, deviceId, 'desired', { prefix, deviceIdMaxLength })
  const payload =
    desired === null
      ? new Uint8Array()
      : encodeWith(codec, { desired: toWire(type, desired), version }, { channel: 'desired' })
  return { topic, payload, qos: 1, retain: true, contentType: codec.contentType }
}
