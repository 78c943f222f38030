import type { AnyDeviceType } from '@devicehub/core'
import {
  addToLatest,
  createSampleIndex,
  type DeviceRecord,
  type LatestRow,
  type LiveState,
  latestRowOf,
  type NewSample,
  type StoredMessage,
  storageClosed,
  typeNotOpened,
} from '@devicehub/core/storage'
import { openJournal } from './journal.js'

export type SampleRow = NewSample & { readonly id: number }
export type MessageRow = Omit<StoredMessage, 'id'> & { readonly id: number }

/** Everything a line can say: whoever reads the file makes the same rows of it as who wrote it. */
export type Change =
  | readonly ['device', type: string, device: DeviceRecord | (LiveState & { readonly deviceId: string })]
  | readonly ['gone', type: string, deviceId: string]
  | readonly ['sample', type: string, sample: NewSample, orderLimit?: number | null | undefined]
  | readonly ['message', message: Omit<StoredMessage, 'id'>]
  | readonly ['replayed', message: number]
  | readonly ['expired', type: string | null, readingsBefore: number, messagesBefore: number]

/** The rows of one device type. */
class TypeTable {
  readonly devices = new Map<string, DeviceRecord>()
  readonly latest = new Map<string, LatestRow>()
  readonly identities = createSampleIndex()
  samples: SampleRow[] = []

  /** By device. `isKept`: last values may have passed over one, of a clock that was ahead. */
  latestSamples(isKept: boolean): ReadonlyMap<string, SampleRow> {
    const last = new Map<string, SampleRow>()
    const placeOf = ({ deviceId, orderAt, timestamp }: SampleRow) => {
      const row = isKept ? this.latest.get(deviceId) : undefined
      return row?.orderAt === orderAt && row.timestamp === timestamp ? Infinity : orderAt
    }
    for (const sample of this.samples) {
      const before = last.get(sample.deviceId)
      if (!before || placeOf(sample) >= placeOf(before)) last.set(sample.deviceId, sample)
    }
    return last
  }

  drop(goes: (sample: NewSample) => boolean): void {
    for (const sample of this.samples) if (goes(sample)) this.identities.remove(sample)
    this.samples = this.samples.filter((sample) => !goes(sample))
  }
}

/** All rows, in memory; each change is a line on the disk before it counts. No I/O before somebody asks for something. */
export class Tables {
  readonly #file: string
  readonly #byType: ReadonlyMap<string, TypeTable>
  #messages: MessageRow[] = []
  #lastSample = 0
  #lastMessage = 0
  #journal: ReturnType<typeof openJournal> | 'closed' | null = null

  constructor(file: string, types: readonly AnyDeviceType[]) {
    this.#file = file
    this.#byType = new Map(types.map(({ key }) => [key, new TypeTable()]))
  }

  of(type: AnyDeviceType): TypeTable {
    this.open()
    const table = this.#byType.get(type.key)
    if (!table) throw typeNotOpened(type)
    return table
  }

  get messages(): readonly MessageRow[] {
    this.open()
    return this.#messages
  }

  get lastMessage(): number {
    this.open()
    return this.#lastMessage
  }

  open(): ReturnType<typeof openJournal> {
    if (this.#journal === 'closed') throw storageClosed()
    if (this.#journal !== null) return this.#journal
    this.#journal = openJournal(this.#file)
    for (const changes of this.#journal.entries) for (const change of changes as Change[]) this.#apply(change)
    return this.#journal
  }

  close(): void {
    if (this.#journal !== null && this.#journal !== 'closed') this.#journal.close()
    this.#journal = 'closed'
  }

  /** What is written together is one line, and so all of it or nothing. */
  write(changes: readonly Change[]): void {
    const journal = this.open()
    if (changes.length === 0) return
    for (const change of journal.append(changes) as Change[]) this.#apply(change)
  }

  #apply(change: Change): void {
    if (change[0] === 'message') {
      this.#messages.push({ ...change[1], id: ++this.#lastMessage })
      return
    }
    if (change[0] === 'replayed') {
      const [, id] = change
      this.#messages = this.#messages.map((row) => (row.id === id ? { ...row, status: 'replayed' } : row))
      return
    }
    // Of a type that is not declared any more: the lines stay, nobody asks for the rows.
    const table = (change[1] === null ? undefined : this.#byType.get(change[1])) ?? new TypeTable()
    switch (change[0]) {
      case 'device': {
        const { deviceId } = change[2]
        table.devices.set(deviceId, { ...table.devices.get(deviceId), ...change[2] } as DeviceRecord)
        return
      }
      case 'gone':
        table.devices.delete(change[2])
        table.latest.delete(change[2])
        table.drop(({ deviceId }) => deviceId === change[2])
        return
      case 'sample': {
        const sample = { ...change[2], id: ++this.#lastSample }
        table.samples.push(sample)
        table.identities.add(sample)
        const latest = table.latest.get(sample.deviceId)
        // JSON has null for what is absent.
        if (latest) addToLatest(latest, sample, change[3] ?? undefined)
        else table.latest.set(sample.deviceId, latestRowOf(sample))
        return
      }
      case 'expired': {
        const [, key, readingsBefore, messagesBefore] = change
        table.drop(({ receivedAt }) => receivedAt < readingsBefore)
        this.#messages = this.#messages.filter(
          ({ typeKey, receivedAt }) => typeKey !== key || receivedAt >= messagesBefore,
        )
      }
    }
  }
}
