import type { SinkDevice } from '../credential-sink.js'
import type { Acl, BrokerClient, BrokerRole } from './control-answer.js'

export interface ControlCommand {
  readonly command: string
  readonly [field: string]: unknown
}

/**
 * What every device must not do, whatever the broker's defaults are: out of the box it delivers whatever a session is
 * subscribed to. One role for all of them, since the broker writes out every rule at each change. `#` does not
 * match topics that begin with `$`.
 */
const BOUNDARY: readonly Acl[] = ['#', '$SYS/#', '$CONTROL/#', '$share/#'].flatMap((topic) =>
  [
    ...['publishClientSend', 'publishClientReceive', 'subscribePattern'].map(
      (type) => [type, false] as const,
    ),
    ['unsubscribePattern', true] as const,
  ].map(([acltype, allow]) => ({ acltype, topic, priority: 0, allow })),
)

/** Names and commands for one prefix. */
export function createCommands(prefix: string) {
  // No device has it: a user name is never empty.
  const boundary = prefix
  const roleOf = (username: string) => `${prefix}${username}`
  const binding = ({ username, clientId }: SinkDevice) => ({
    username,
    clientid: clientId,
    textname: prefix,
    // The greater goes first.
    roles: [
      { rolename: roleOf(username), priority: 1 },
      { rolename: boundary, priority: 0 },
    ],
  })
  const named = (rolename: string, acls: readonly Acl[]) => ({ rolename, acls })
  const own = (device: SinkDevice) => named(roleOf(device.username), aclsOf(device))

  return {
    boundary,
    roleOf,
    createBoundary: { command: 'createRole', ...named(boundary, BOUNDARY) },
    modifyBoundary: { command: 'modifyRole', ...named(boundary, BOUNDARY) },
    createRole: (device: SinkDevice) => ({ command: 'createRole', ...own(device) }),
    modifyRole: (device: SinkDevice) => ({ command: 'modifyRole', ...own(device) }),
    createClient: (device: SinkDevice, password: string) => ({
      command: 'createClient',
      ...binding(device),
      password,
    }),
    modifyClient: (device: SinkDevice, password?: string) => ({
      command: 'modifyClient',
      ...binding(device),
      groups: [],
      ...(password !== undefined && { password }),
    }),
    enableClient: (username: string) => ({ command: 'enableClient', username }),
    getRole: (username: string) => ({ command: 'getRole', rolename: roleOf(username) }),
    getClient: (username: string) => ({ command: 'getClient', username }),
    removeClientRole: (link: { username: string; rolename: string }) => ({
      command: 'removeClientRole',
      ...link,
    }),
    deleteClient: (username: string) => ({ command: 'deleteClient', username }),
    deleteRole: (rolename: string) => ({ command: 'deleteRole', rolename }),

    /** Created by this sink, as far as can be seen: it has the mark, or the role of its own name. */
    isOurs: ({ username, textname, roles }: BrokerClient) =>
      textname === prefix || roles.some((role) => role.rolename === roleOf(username)),
    isBoundRight: (client: BrokerClient, device: SinkDevice) =>
      client.clientid === device.clientId &&
      client.textname === prefix &&
      client.groups.length === 0 &&
      sameSet(client.roles.map(roleText), binding(device).roles.map(roleText)),
    isRoleRight: (role: BrokerRole, device: SinkDevice) =>
      sameSet(aclTexts(role.acls), aclTexts(aclsOf(device))),
    isBoundaryRight: (role: BrokerRole) => sameSet(aclTexts(role.acls), aclTexts(BOUNDARY)),
  }
}

export type Commands = ReturnType<typeof createCommands>

function aclsOf({ topics }: SinkDevice): Acl[] {
  const allow = (acltype: string, topic: string) => ({ acltype, topic, priority: 0, allow: true })
  return [
    ...topics.publish.map((topic) => allow('publishClientSend', topic)),
    ...topics.subscribe.map((topic) => allow('subscribeLiteral', topic)),
    ...topics.subscribe.map((topic) => allow('publishClientReceive', topic)),
  ]
}

const aclTexts = (acls: readonly Acl[]) =>
  acls.map(({ acltype, topic, priority, allow }) => JSON.stringify([acltype, topic, priority ?? 0, allow]))

const roleText = ({ rolename, priority }: { rolename: string; priority?: number | undefined }) =>
  JSON.stringify([rolename, priority ?? -1])

function sameSet(left: readonly string[], right: readonly string[]): boolean {
  const known = new Set(right)
  return left.length === right.length && left.every((each) => known.has(each))
}
