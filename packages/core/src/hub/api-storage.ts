import type { CommandStore } from '../ports/commands.js'
import type { DeviceStore } from '../ports/devices.js'
import type { MessageStore } from '../ports/messages.js'
import type { ReadingStore } from '../ports/readings.js'
import type { StorageCapabilities } from '../ports/storage.js'
import type { TwinStore } from '../ports/twins.js'

/**
 * What the functions of a hub ask of its storage on somebody's behalf. In a scope each of these is limited: see
 * `scopedStorage`, which has to say of every function that comes here how.
 */
export interface ApiStorage {
  readonly capabilities: StorageCapabilities
  readonly devices: Omit<DeviceStore, 'ensure' | 'overdue' | 'setBack'>
  readonly readings: Required<ReadingStore>
  readonly messages: MessageStore
  readonly commands: Pick<CommandStore, 'find' | 'list' | 'wake'>
  readonly twins: Pick<TwinStore, 'get' | 'setDesired'>
}
