import { DeviceHubError } from '@devicehub/core'
import { createTopicRouter } from '@devicehub/core/transport'
import type { ProvisionHub } from '../provision-hub.js'

export const CLAIM_USERNAME = 'claim'

/**
 * A client id of a device is its type's key, `-` and its id, and keys have no `_`: none of these is a device's. The random
 * part is long enough that nobody can guess the topic of the response, and fits into the 23 characters that every broker accepts.
 */
const CLIENT_ID = /^claim_[A-Za-z0-9]{16,64}$/

export interface ClaimTopics {
  /** Of all requests. */
  readonly requests: string
  /** Null for a client id that is not one of a claim. */
  of(clientId: string | undefined): { readonly request: string; readonly response: string } | null
  /** The client id that sent a request; null for another topic. */
  clientIdOf(topic: string): string | null
}

/** No type's key has the level `$claim`. `invalid_topic` when the template of a type has it. */
export function claimTopics({ topicPrefix, types, deviceIdMaxLength }: ProvisionHub): ClaimTopics {
  const root = `${topicPrefix}/$claim`
  const topicsOf = (clientId: string) => ({
    request: `${root}/${clientId}/request`,
    response: `${root}/${clientId}/response`,
  })

  const route = createTopicRouter(types, { prefix: topicPrefix, deviceIdMaxLength })
  for (const topic of Object.values(topicsOf('claim_0123456789abcdef'))) {
    const found = route(topic)
    if ('code' in found) continue
    throw new DeviceHubError(
      'invalid_topic',
      `Claims use the topics ${root}/+/request and ${root}/+/response, and ${topic} is a topic of ${found.type.name}; change its topicTemplate`,
    )
  }

  return {
    requests: `${root}/+/request`,
    of: (clientId) => (clientId !== undefined && CLIENT_ID.test(clientId) ? topicsOf(clientId) : null),
    clientIdOf(topic) {
      const clientId = topic.slice(root.length + 1, -'/request'.length)
      return CLIENT_ID.test(clientId) && topic === topicsOf(clientId).request ? clientId : null
    },
  }
}
