import { type AnyDeviceType, DeviceHubError, deviceTopics, type NewDevice } from '@devicehub/core'
import { type ClaimKeyRecord, type ClaimOutcome, newDeviceRecord } from '@devicehub/core/storage'
import { createLimitedLines, deviceIdProblem, secretOf, toDevice, toLine } from '@devicehub/core/transport'
import type { IssuedCredentials } from '../credentials/issue.js'
import { ALL_KINDS, makeCredentials } from '../credentials/make-credentials.js'
import { sinkDevice } from '../credentials/sink-device.js'
import type { SinkTeller } from '../credentials/tell-sinks.js'
import type { ProvisionHub } from '../provision-hub.js'
import { CLAIM_TEXT_MAX, type ClaimKeyFinder, isClaimText } from './find-claim-key.js'

/** What a device sends to claim its credentials. */
export interface ClaimRequest {
  /** The claim key. */
  readonly key: string
  /** The id the device wants to have. */
  readonly deviceId: string
  /**
   * 16 to 256 characters that the device chose at random for this claim and keeps: with them it gets new credentials
   * when the answer was lost.
   */
  readonly proof: string
}

/** The answer to a claim. */
export interface Claimed {
  /** The type the claim key is for. */
  readonly type: AnyDeviceType
  /** The id in the request. */
  readonly deviceId: string
  /** False: the device had claimed before, and its earlier credentials have ended. */
  readonly first: boolean
  /** Shown here and never again. */
  readonly credentials: IssuedCredentials
  /** The MQTT topics the device publishes to (`data`, `status`) and receives commands on (`commands`). */
  readonly topics: { readonly data: string; readonly status: string; readonly commands: string }
}

const PROOF_MIN = 16

/** Why a claim was refused: for the log, never for the device. */
type Refusal = 'unknown_key' | 'unknown_type' | 'bad_device_id' | 'wrong_prefix' | ClaimOutcome

export function createClaim(hub: ProvisionHub, teller: SinkTeller, findKey: ClaimKeyFinder) {
  const { storage, credentials, clock, logger, signals } = hub
  // Strangers can cause these lines: one a minute for each reason and key, the others are counted.
  const limited = createLimitedLines({
    clock,
    onOverflow: (suppressed) =>
      logger.warn({ suppressed }, 'claims with too many keys are refused to log each of them'),
  })
  const types = new Map(hub.types.map((type) => [type.key, type]))

  /** `invalid_payload` for a malformed request, `claim_refused` for every other one that is refused. */
  return async function claim({ key, deviceId, proof }: ClaimRequest): Promise<Claimed> {
    checkText('claim_key', key, 1)
    checkText('device_id', deviceId, 1)
    checkText('proof', proof, PROOF_MIN)
    const found = await findKey(key)
    if (found === null) throw refused('unknown_key', null, deviceId)
    const type = types.get(found.typeKey)
    if (type === undefined) throw refused('unknown_type', found, deviceId)
    if (deviceIdProblem(deviceId, hub.deviceIdMaxLength) !== null)
      throw refused('bad_device_id', found, deviceId)
    if (!deviceId.startsWith(found.idPrefix)) throw refused('wrong_prefix', found, deviceId)
    const [before] = await storage.devices.find(type, [deviceId])

    const now = clock.now()
    const made = makeCredentials(hub, type, deviceId, { kinds: ALL_KINDS, expiresAt: null, now })
    const device = { deviceId, status: 'provisioning', labels: found.labels } satisfies NewDevice
    const create = newDeviceRecord(type, device, now)
    const { username, password, apiKey, add } = made
    const write = {
      type,
      deviceId,
      create: found.createsDevices ? create : null,
      onlyNew: false,
      retire: { kinds: ALL_KINDS, at: now },
      add,
      username,
      now,
    }
    const told = await teller.inStep(async () => {
      const outcome = await claimWith(proofsOf(type, deviceId, proof), (hashed) =>
        storage.claims.claim({ keyId: found.id, proof: hashed, write, now }),
      )
      const isGood = outcome === 'claimed' || outcome === 'repeated'
      return {
        result: outcome,
        changes: () =>
          isGood && password !== null
            ? [{ kind: 'set', device: sinkDevice(hub, type, deviceId), password }]
            : [],
      }
    })
    if (told.result !== 'claimed' && told.result !== 'repeated') throw refused(told.result, found, deviceId)
    const first = told.result === 'claimed'
    const line = { type: type.key, deviceId, claimKey: found.id, first }
    if (first) logger.info(line, 'a device has claimed its credentials')
    // A device may repeat its claim without limit.
    else
      limited(`repeated ${found.id}`, (suppressed) =>
        logger.info(
          { ...line, ...(suppressed > 0 && { suppressed }) },
          'a device has claimed its credentials again',
        ),
      )
    const issued = {
      username,
      password: password as string,
      apiKey: apiKey as string,
      clientId: username,
      expiresAt: null,
    }
    if (first && signals.hasSubscribers('deviceProvisioned'))
      signals.emit('deviceProvisioned', {
        type,
        device: toDevice(type, { ...(before ?? create), mqttUsername: username }),
        credentials: secretOf(Object.freeze({ ...issued })),
      })
    const topics = deviceTopics(type, deviceId, {
      prefix: hub.topicPrefix,
      deviceIdMaxLength: hub.deviceIdMaxLength,
    })
    return {
      type,
      deviceId,
      first,
      credentials: issued,
      topics: { data: topics.data, status: topics.status, commands: topics.cmd },
    }
  }

  /** With the device, so that one proof is not the same for two of them; with each secret of the hub, the present one first. */
  function proofsOf(type: AnyDeviceType, deviceId: string, proof: string): readonly string[] {
    return credentials.hashes.lookups('claim_proof', `${type.key}/${deviceId}/${proof}`)
  }

  function refused(reason: Refusal, key: ClaimKeyRecord | null, deviceId: string): DeviceHubError {
    limited(`${reason} ${key?.id ?? ''}`, (suppressed) =>
      logger.warn(
        {
          reason,
          claimKey: key?.id ?? null,
          type: key?.typeKey ?? null,
          deviceId: toLine(deviceId, 128),
          ...(suppressed > 0 && { suppressed }),
        },
        `a claim was refused: ${reason}${suppressed > 0 ? `, and ${suppressed} before it` : ''}`,
      ),
    )
    return new DeviceHubError(
      'claim_refused',
      'The claim was refused: the claim key is not valid, or not for this device; the log of the hub has the reason',
    )
  }
}

/** A device that claimed under an earlier secret of the hub is found by the hash with that secret. */
async function claimWith(
  proofs: readonly string[],
  claim: (proof: string) => Promise<ClaimOutcome>,
): Promise<ClaimOutcome> {
  let outcome: ClaimOutcome = 'device_claimed'
  for (const proof of proofs) {
    outcome = await claim(proof)
    // A key without uses left is still valid for a device that has claimed with it.
    if (outcome !== 'device_claimed' && outcome !== 'key_refused') return outcome
  }
  return outcome
}

function checkText(name: string, value: unknown, min: number): void {
  if (isClaimText(value, min)) return
  throw new DeviceHubError(
    'invalid_payload',
    `${name} must be a text of ${min} to ${CLAIM_TEXT_MAX} characters`,
    { details: { field: name } },
  )
}
