import { DeviceHubError } from '@devicehub/core'
import type { z } from 'zod'
import type { SinkDevice, SyncReport } from '../credential-sink.js'
import { refuseDevice } from '../refuse-device.js'
import { deleteUsers, ensureBoundary, FOREIGN, findClients, type Target } from './apply-changes.js'
import { askEach } from './ask-each.js'
import type { ControlCommand } from './commands.js'
import { type BrokerClient, type BrokerRole, clientPage, rolePage } from './control-answer.js'
import type { ControlLink } from './control-link.js'

/** A page of roles is about 200 kB. */
const PAGE = 250

interface Repair {
  readonly username: string
  readonly commands: readonly ControlCommand[]
}

/**
 * The broker is read before the devices are: a device that is issued meanwhile is then not among what was read, and
 * cannot be taken for a stray.
 */
export async function syncClients(
  target: Target,
  sink: string,
  devices: AsyncIterable<SinkDevice>,
): Promise<SyncReport> {
  const { link, commands, failures } = target
  const roles = await readRoles(link)
  const clients = await readClients(link)
  const wanted = new Set<string>()
  const repaired: string[] = []
  const withoutPassword: string[] = []

  const boundary = roles.get(commands.boundary)
  if (boundary === undefined) await ensureBoundary(target)
  else if (!commands.isBoundaryRight(boundary)) await link.ask([commands.modifyBoundary])

  for await (const chunk of chunks(devices)) {
    for (const { username } of chunk) wanted.add(username)
    const good = chunk.filter((device) => {
      const refusal = refuseDevice(device)
      if (refusal !== null) failures.add(device.username, refusal)
      return refusal === null
    })
    // Pages shift when something is removed while they are read: what seems to be missing is asked for by name.
    const unseen = good.map(({ username }) => username).filter((name) => !clients.has(name))
    for (const [name, client] of await findClients(target, unseen)) clients.set(name, client)

    const repairs: Repair[] = []
    for (const device of good) {
      const { username } = device
      const client = clients.get(username)
      if (failures.has(username)) continue
      if (client === undefined) withoutPassword.push(username)
      else if (!commands.isOurs(client)) failures.add(username, FOREIGN)
      else repairs.push({ username, commands: repairOf(target, device, client, roles) })
    }
    const needed = repairs.filter((repair) => repair.commands.length > 0)
    for (const { item, answers } of await askEach(link, needed, (repair) => repair.commands)) {
      const error = answers.find((answer) => answer.error !== undefined)?.error
      if (error === undefined) repaired.push(item.username)
      else failures.add(item.username, error)
    }
  }

  const removed = await removeStrays(target, wanted, clients, roles)
  failures.throwAny()
  return { sink, devices: wanted.size, repaired, removed, withoutPassword }
}

function repairOf(
  { commands }: Target,
  device: SinkDevice,
  client: BrokerClient,
  roles: ReadonlyMap<string, BrokerRole>,
): ControlCommand[] {
  const role = roles.get(commands.roleOf(device.username))
  const repair: ControlCommand[] = []
  // Both, where it was not seen: a page may have shifted, and one of the two does it.
  if (role === undefined) repair.push(commands.createRole(device))
  else if (!commands.isRoleRight(role, device)) repair.push(commands.modifyRole(device))
  if (!commands.isBoundRight(client, device)) repair.push(commands.modifyClient(device))
  // Last: until then its rules may be anything.
  if (client.disabled) repair.push(commands.enableClient(device.username))
  return repair
}

async function removeStrays(
  target: Target,
  wanted: ReadonlySet<string>,
  clients: ReadonlyMap<string, BrokerClient>,
  roles: ReadonlyMap<string, BrokerRole>,
): Promise<string[]> {
  const { link, commands, failures } = target
  const users = [...clients.values()]
    .filter((client) => !wanted.has(client.username) && commands.isOurs(client))
    .map(({ username }) => username)
  const kept = new Set([commands.boundary, ...[...wanted, ...users].map(commands.roleOf)])
  const left = [...roles.keys()].filter((name) => name.startsWith(commands.boundary) && !kept.has(name))
  const gone = new Set([...users, ...wanted])
  const others = [...clients.values()].filter(({ username }) => !gone.has(username))
  await unlink(target, others, new Set([...users.map(commands.roleOf), ...left]))
  await deleteUsers(target, users)
  for (const { item, answers } of await askEach(link, left, (name) => [commands.deleteRole(name)]))
    if (answers[0]?.error !== undefined)
      failures.add(item.slice(commands.boundary.length), `its role: ${answers[0].error}`)
  const names = [...users, ...left.map((name) => name.slice(commands.boundary.length))]
  return names.filter((name) => !failures.has(name))
}

/** Mosquitto 2.0.11 crashes some time after a role is deleted that a client still has. */
async function unlink(
  { link, commands, failures }: Target,
  clients: readonly BrokerClient[],
  rolenames: ReadonlySet<string>,
): Promise<void> {
  const links = clients.flatMap(({ username, roles }) =>
    roles.filter(({ rolename }) => rolenames.has(rolename)).map(({ rolename }) => ({ username, rolename })),
  )
  for (const { item, answers } of await askEach(link, links, (each) => [commands.removeClientRole(each)]))
    if (answers[0]?.error !== undefined)
      failures.add(item.username, `its link to ${JSON.stringify(item.rolename)}: ${answers[0].error}`)
}

async function readRoles(link: ControlLink): Promise<Map<string, BrokerRole>> {
  const pages = readPages(link, 'listRoles', rolePage, (page) => page.roles)
  return new Map((await pages).map((role) => [role.rolename, role]))
}

async function readClients(link: ControlLink): Promise<Map<string, BrokerClient>> {
  const pages = readPages(link, 'listClients', clientPage, (page) => page.clients)
  return new Map((await pages).map((client) => [client.username, client]))
}

async function readPages<Page extends { totalCount: number }, Item>(
  link: ControlLink,
  command: string,
  schema: z.ZodType<Page>,
  itemsOf: (page: Page) => readonly Item[],
): Promise<Item[]> {
  const items: Item[] = []
  for (;;) {
    const [answer] = await link.ask([{ command, verbose: true, count: PAGE, offset: items.length }])
    const page = schema.safeParse(answer?.data)
    if (!page.success)
      throw new DeviceHubError(
        'sink_failed',
        `the broker did not answer ${command}: ${answer?.error ?? 'no data'}`,
      )
    const more = itemsOf(page.data)
    items.push(...more)
    if (more.length === 0 || items.length >= page.data.totalCount) return items
  }
}

async function* chunks(devices: AsyncIterable<SinkDevice>): AsyncGenerator<SinkDevice[]> {
  let chunk: SinkDevice[] = []
  for await (const device of devices) {
    chunk.push(device)
    if (chunk.length < PAGE) continue
    yield chunk
    chunk = []
  }
  yield chunk
}
