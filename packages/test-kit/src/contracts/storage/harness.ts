import type { AnyDeviceType, Page, Storage, StorageAdapter } from '@devicehub/core'
import type { CommitEntry, Condition, DeviceListRequest, DeviceRecord } from '@devicehub/core/storage'
import { afterAll, beforeAll, expect } from 'vitest'
import { Meter, Sensor } from './fixtures.js'

/** A storage on an empty database, for one test. */
export interface StorageUnderTest {
  /** The storage under test, not opened. */
  readonly adapter: StorageAdapter
  /** Another adapter on the same database with its own connections, as a second process has. */
  connect?(): Promise<StorageAdapter>
  /** Removes the database. Called after every storage on it is closed. */
  cleanup(): Promise<void>
}

/** Makes a storage on an empty database, for these device types. Each call needs a database of its own. */
export type MakeStorage = (types: readonly AnyDeviceType[]) => Promise<StorageUnderTest>

/** What a storage under test can do. */
export interface ContractOptions {
  /**
   * Whether `connect` is there: the suite then writes and reads through two storages at once, and reopens. Default
   * false.
   */
  readonly secondStorage?: boolean
  /**
   * Turns an accepted entry with samples into one that the database refuses with `storage_failed`. Default: the test
   * is left out, for a database that accepts anything.
   */
  readonly refuse?: (entry: CommitEntry) => CommitEntry
}

export interface StorageContract {
  readonly make: MakeStorage
  readonly capabilities: ContractOptions
}

export interface OpenedStorage extends AsyncDisposable {
  readonly storage: Storage
  /** Opened through `connect` where there is one; else the same storage once more. */
  second(types?: readonly AnyDeviceType[]): Promise<Storage>
}

/** A migrated storage on an empty database. */
export async function freshStorage(
  { make, capabilities }: StorageContract,
  types: readonly AnyDeviceType[] = [Sensor, Meter],
): Promise<OpenedStorage> {
  const made = await make(types)
  const storage = made.adapter.open({ types })
  const opened = [storage]
  const close = async () => {
    for (const one of opened.reverse()) await one.close()
    await made.cleanup()
  }
  try {
    await storage.migrate()
  } catch (error) {
    await close()
    throw error
  }
  return {
    storage,
    async second(wanted = types) {
      if (!capabilities.secondStorage) return storage
      if (!made.connect) throw new Error('the capability secondStorage needs `connect`')
      const other = (await made.connect()).open({ types: wanted })
      opened.push(other)
      return other
    },
    [Symbol.asyncDispose]: close,
  }
}

/** A storage that the tests of a `describe` share; each test uses its own device ids. */
export function sharedStorage(contract: StorageContract): {
  readonly storage: Storage
  readonly other: Storage
} {
  let opened: OpenedStorage | undefined
  let other: Storage | undefined
  const ready = <T>(value: T | undefined): T => {
    if (!value) throw new Error('the storage could not be made')
    return value
  }
  beforeAll(async () => {
    opened = await freshStorage(contract)
    other = await opened.second()
  })
  afterAll(() => opened?.[Symbol.asyncDispose]())
  return {
    get storage() {
      return ready(opened).storage
    },
    get other() {
      return ready(other)
    },
  }
}

/** All pages of a list, one after the other; fails when paging does not come to an end. */
export async function everyPage<T>(
  list: (cursor: string | undefined) => Promise<Page<T>>,
): Promise<{ items: T[]; sizes: number[] }> {
  const items: T[] = []
  const sizes: number[] = []
  let cursor: string | undefined
  do {
    const page = await list(cursor)
    items.push(...page.items)
    sizes.push(page.items.length)
    expect(sizes.length, 'paging comes to an end').toBeLessThan(1000)
    cursor = page.cursor ?? undefined
  } while (cursor !== undefined)
  return { items, sizes }
}

/** The same of a list of devices, whose pages begin behind a place. */
export async function everyDevice(
  { devices }: Pick<Storage, 'devices'>,
  type: AnyDeviceType,
  condition: Condition,
  request: Omit<DeviceListRequest, 'after'>,
): Promise<{ items: DeviceRecord[]; sizes: number[] }> {
  const items: DeviceRecord[] = []
  const sizes: number[] = []
  let page = await devices.list(type, condition, request)
  while (true) {
    items.push(...page.items.map(({ record }) => record))
    sizes.push(page.items.length)
    expect(sizes.length, 'paging comes to an end').toBeLessThan(1000)
    if (!page.more) return { items, sizes }
    const after = page.items.at(-1)?.position
    expect(after, 'a page with others behind it has a device').toBeDefined()
    page = await devices.list(type, condition, { ...request, after })
  }
}

/** What `expect(...).rejects` of an error of this code is compared with. */
export const errorOf = (code: string) => expect.objectContaining({ name: 'DeviceHubError', code })
