import {
  type AnyDeviceType,
  command,
  createDeviceHub,
  type DeviceHub,
  defineDeviceType,
  type HubApi,
  type MessageRef,
  reading,
  type StorageAdapter,
  silentLogger,
  state,
} from '@devicehub/core'

/** In everything that is of the other customer: it must not be in anything that this one is told. */
export const SECRET = 'of-another-customer'
/** As a number. */
export const SECRET_NUMBER = 777_123

const parts = {
  readings: { level: reading.float(), note: reading.string() },
  state: { mode: state.enum(['eco', 'full'], { default: 'eco' }), remark: state.string({ maxLength: 200 }) },
  commands: { reboot: command() },
}
/** Devices of both customers. */
export const Pump = defineDeviceType('pump', parts)
/** Devices of the other customer alone: the scope is of pumps. */
export const Vault = defineDeviceType('vault', parts)
/** Of no hub. */
export const Nothing = defineDeviceType('never', parts)

export type Kind = typeof Pump

/** What somebody could be after: a device, a command to it, a message of it. */
export interface Target {
  readonly type: Kind
  readonly deviceId: string
  readonly commandId: string
  readonly batch: string
  readonly message: MessageRef
  readonly sampleId: string
  readonly label: string
}

export interface World extends AsyncDisposable {
  readonly hub: DeviceHub
  /** As the one customer may see and use it. */
  readonly customer: HubApi
  readonly foreign: Target
  readonly foreignType: Target
  readonly ghost: Target
  readonly ghostType: Target
  /** Another device of the customer's own. */
  own(): Promise<Target>
  /** All there is of the other customer. */
  othersNow(): Promise<unknown>
}

const MINE = 'of-this-customer'
export const SCOPE = { type: 'pump', labels: { customer: MINE }, actor: 'kim' }

export async function createWorld(storage: StorageAdapter): Promise<World> {
  const hub = createDeviceHub({
    types: [Pump, Vault],
    storage,
    logger: silentLogger,
    unknownDevice: 'quarantine',
  })
  await hub.storage.migrate()

  async function tell(type: AnyDeviceType, deviceId: string, channel: string, payload: unknown) {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
    await hub.ingest([
      {
        topic: `things/${type.name}/${deviceId}/${channel}`,
        payload: Buffer.from(text),
        source: 'test',
        qos: 1,
      },
    ])
  }

  async function made(type: Kind, deviceId: string, customer: string): Promise<Target> {
    const isTheirs = customer === SECRET
    await hub.devices.create(type, {
      deviceId,
      name: `${deviceId} ${customer}`,
      labels: { customer },
      metadata: { customer },
      state: { remark: customer },
    })
    await tell(type, deviceId, 'data', { level: isTheirs ? SECRET_NUMBER : 5, note: customer })
    await tell(type, deviceId, 'state', { reported: { remark: customer } })
    // Rejected: it can be replayed.
    await tell(type, deviceId, 'data', `{ ${customer}`)
    // Commands wait for it.
    await hub.devices.markOffline(type, deviceId)
    await hub.twin(type).setDesired(deviceId, { remark: `wanted ${customer}` })
    const { batch } = await hub.commands.sendMany(type, { deviceIds: [deviceId] }, 'reboot')
    const { items: sent } = await hub.commands.list({ batch })
    const { items: rejected } = await hub.messages.list(type, { deviceId, status: 'rejected' })
    const [{ id: commandId }, message] = [sent[0], rejected[0]] as [{ id: string }, MessageRef]
    return {
      type,
      deviceId,
      commandId,
      batch,
      message: { typeKey: message.typeKey, id: message.id },
      sampleId: (await hub.readings.list(type, { deviceId })).items[0]?.id ?? '',
      label: customer,
    }
  }

  const foreign = await made(Pump, 'theirs-1', SECRET)
  const foreignType = await made(Vault as never, 'theirs-2', SECRET)
  // Messages of no type are nobody's.
  await hub.ingest([{ topic: `elsewhere/${SECRET}`, payload: Buffer.from(SECRET), source: 'test', qos: 1 }])
  const ghost: Target = {
    type: Pump,
    deviceId: 'nobody-1',
    commandId: '0190a000-0000-7000-8000-000000000001',
    batch: '0190a000-0000-7000-8000-000000000002',
    message: { typeKey: 'pump', id: '987654' },
    sampleId: '987655',
    label: 'nobody',
  }
  let count = 0

  async function othersNow() {
    const all: unknown[] = []
    for (const { type, deviceId } of [foreign, foreignType]) {
      all.push(await hub.devices.get(type, deviceId), await hub.twin(type).get(deviceId))
      for (const read of [
        hub.readings.list(type, { deviceId }),
        hub.messages.list(type, { deviceId }),
        hub.commands.list({ type, deviceId }),
      ])
        all.push((await read).items)
    }
    return all
  }

  return {
    hub: hub as DeviceHub,
    customer: hub.scoped(SCOPE),
    foreign,
    foreignType,
    ghost,
    ghostType: { ...ghost, type: Nothing as never, message: { typeKey: 'never', id: '987654' } },
    own: () => made(Pump, `mine-${++count}`, MINE),
    othersNow,
    [Symbol.asyncDispose]: () => hub.close({ timeout: '1s' }),
  }
}
