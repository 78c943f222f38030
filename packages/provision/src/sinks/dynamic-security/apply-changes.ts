import { DeviceHubError } from '@devicehub/core'
import type { SinkChange } from '../credential-sink.js'
import { lastChanges, type SetChange } from '../last-changes.js'
import type { SinkFailures } from '../sink-failures.js'
import { askEach } from './ask-each.js'
import type { Commands } from './commands.js'
import { alreadyExists, type BrokerClient, clientAnswer, isMissing, roleAnswer } from './control-answer.js'
import type { ControlLink } from './control-link.js'

export const FOREIGN = 'the broker has a user of that name that was not made here; it is left alone'

export interface Target {
  readonly link: ControlLink
  readonly commands: Commands
  readonly failures: SinkFailures
}

export async function applyChanges(target: Target, changes: readonly SinkChange[]): Promise<void> {
  const { sets, removes } = lastChanges(changes)
  // First: a revocation must not wait.
  await removeUsers(target, removes)
  if (sets.length === 0) return
  await ensureBoundary(target)
  await setUsers(target, sets)
}

export async function ensureBoundary({ link, commands }: Target): Promise<void> {
  const [answer] = await link.ask([commands.createBoundary])
  if (answer?.error !== undefined && !alreadyExists(answer))
    throw new DeviceHubError(
      'sink_failed',
      `the role ${JSON.stringify(commands.boundary)} could not be created: ${answer.error}`,
    )
}

/** What a broker has of these users; those that it does not know are left out. */
export async function findClients(
  target: Target,
  usernames: readonly string[],
): Promise<Map<string, BrokerClient>> {
  const { link, commands, failures } = target
  const found = new Map<string, BrokerClient>()
  for (const { item, answers } of await askEach(link, usernames, (name) => [commands.getClient(name)])) {
    const [answer] = answers
    if (answer === undefined || isMissing(answer)) continue
    const parsed = clientAnswer.safeParse(answer.data)
    if (answer.error === undefined && parsed.success) found.set(item, parsed.data.client)
    else failures.add(item, answer.error ?? 'the broker gave an answer that cannot be read')
  }
  return found
}

/** Deletes users of this sink, which disconnects them, and their roles. Others of these names are left alone. */
async function removeUsers(target: Target, usernames: readonly string[]): Promise<void> {
  const { commands, failures } = target
  const clients = await findClients(target, usernames)
  for (const [username, client] of clients) if (!commands.isOurs(client)) failures.add(username, FOREIGN)
  await deleteUsers(
    target,
    usernames.filter((name) => !failures.has(name)),
  )
}

export async function deleteUsers({ link, commands, failures }: Target, usernames: readonly string[]) {
  const asked = await askEach(link, usernames, (name) => [
    commands.deleteClient(name),
    commands.deleteRole(commands.roleOf(name)),
  ])
  for (const { item, answers } of asked)
    for (const answer of answers)
      if (answer.error !== undefined && !isMissing(answer)) failures.add(item, answer.error)
}

/** Most are new: all are created without looking first, and only those that exist are read. */
async function setUsers(target: Target, sets: readonly SetChange[]): Promise<void> {
  const { link, commands, failures } = target
  const existing: SetChange[] = []
  const madeRole = new Set<string>()
  const asked = await askEach(link, sets, ({ device, password }) => [
    commands.createRole(device),
    commands.createClient(device, password),
  ])
  for (const { item, answers } of asked) {
    const [role, client] = answers
    const bad = answers.find((answer) => answer.error !== undefined && !alreadyExists(answer))
    if (bad) failures.add(item.device.username, bad.error as string)
    else if (role?.error !== undefined || client?.error !== undefined) existing.push(item)
    if (role?.error === undefined) madeRole.add(item.device.username)
  }
  if (existing.length > 0) await modifyUsers(target, existing, madeRole)
}

async function modifyUsers(target: Target, sets: readonly SetChange[], madeRole: ReadonlySet<string>) {
  const { link, commands, failures } = target
  const clients = await findClients(
    target,
    sets.map(({ device }) => device.username),
  )
  const isForeign = ({ device: { username } }: SetChange) => {
    const client = clients.get(username)
    return client !== undefined && !commands.isOurs(client)
  }
  const foreign = sets.filter(isForeign)
  for (const { device } of foreign) failures.add(device.username, FOREIGN)
  await askEach(
    link,
    foreign.filter(({ device }) => madeRole.has(device.username)),
    ({ device }) => [commands.deleteRole(commands.roleOf(device.username))],
  )

  const ours = sets.filter((set) => !isForeign(set) && !failures.has(set.device.username))
  const wrong = new Set<string>()
  for (const { item, answers } of await askEach(link, ours, (set) => [
    commands.getRole(set.device.username),
  ])) {
    const role = roleAnswer.safeParse(answers[0]?.data)
    if (!role.success || !commands.isRoleRight(role.data.role, item.device)) wrong.add(item.device.username)
  }
  // Rules first: a device that reconnects with the new password then has the right ones.
  const modified = await askEach(link, ours, ({ device, password }) => [
    ...(wrong.has(device.username) ? [commands.modifyRole(device)] : []),
    ...(clients.get(device.username)?.disabled ? [commands.enableClient(device.username)] : []),
    commands.modifyClient(device, password),
  ])
  for (const { item, answers } of modified)
    for (const { error } of answers) if (error !== undefined) failures.add(item.device.username, error)
}
