import type { AnyDeviceType, TypeOptions } from '../../model/device-type/device-type.js'
import type { ApiStorage } from '../api-storage.js'
import { type CommandsContext, createCommands } from '../create-commands.js'
import { createDevicesApi } from '../create-devices-api.js'
import type { DevicesContext } from '../devices-api.js'
import type { HubApi } from '../hub-api.js'
import { createMessagesApi, type MessagesContext } from '../messages-api.js'
import { createReadingsApi } from '../readings-api.js'
import { createAssertType } from '../rules.js'
import { createTwinApi, type TwinsContext } from '../twins-api.js'
import type { HubScope } from './scope.js'
import { scopedStorage } from './scoped-storage.js'

/** What the functions of the whole hub are made of. */
export interface HubParts {
  readonly storage: ApiStorage
  readonly devices: Omit<DevicesContext, 'storage' | 'types' | 'assertType' | 'scope'>
  readonly messages: Omit<MessagesContext, 'storage' | 'assertType'>
  readonly commands: Omit<CommandsContext, 'storage' | 'types' | 'assertType' | 'scope'>
  readonly twins: Omit<TwinsContext, 'storage'>
  optionsOf(type: AnyDeviceType): TypeOptions<number>
}

/** A plain object with these functions alone: nothing of the whole hub can be reached through it. */
export function createScopedHub(parts: HubParts, scope: HubScope): HubApi {
  const { types } = scope
  const storage = scopedStorage(parts.storage, scope)
  const assertType = createAssertType(types)
  const { create, get, list, listAll, count, countAll, overview, ...changes } = createDevicesApi({
    ...parts.devices,
    storage,
    types,
    assertType,
    scope,
  })
  const { update, updateMany, activate, deactivate, delete: remove } = changes
  return {
    types,
    typeOptions(type) {
      assertType('hub.typeOptions', type)
      return parts.optionsOf(type)
    },
    devices: {
      create,
      get,
      list,
      listAll,
      count,
      countAll,
      overview,
      update,
      updateMany,
      activate,
      deactivate,
      delete: remove,
    },
    readings: createReadingsApi(storage, assertType, parts.twins.clock),
    messages: createMessagesApi({ ...parts.messages, storage, assertType }),
    commands: createCommands({ ...parts.commands, storage, types, assertType, scope }),
    twin(type) {
      assertType('hub.twin', type)
      return createTwinApi(type, { ...parts.twins, storage })
    },
    scoped: (narrower) => createScopedHub(parts, scope.narrowed(narrower)),
  }
}
