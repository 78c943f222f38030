import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { MessageRef, MessageStatus, StoredMessage } from '../model/message.js'
import type { Condition } from '../model/selector/condition.js'
import type { Channel } from '../model/topic/channel.js'
import type { Page, PageRequest } from './page.js'

/** Which audit rows; what is absent does not count. */
export interface MessageFilter {
  /** Of one device. */
  readonly deviceId?: string
  /** With one outcome. */
  readonly status?: MessageStatus
  /** Of one channel. */
  readonly channel?: Channel
  /** Inclusive, epoch milliseconds of the received time. */
  readonly from?: number
  /** Exclusive, epoch milliseconds of the received time. */
  readonly to?: number
  /**
   * Only of devices that exist and for which it holds, and of each only what was processed at its creation or later:
   * what came before is of a deleted device that had its id. Of messages without a type there are none.
   */
  readonly within?: Condition
}

/** The audit rows. */
export interface MessageStore {
  /** Newest first; `type` null for `devicehub_message`. */
  list(type: AnyDeviceType | null, filter: MessageFilter, page: PageRequest): Promise<Page<StoredMessage>>
  /** Null when there is none; `within` as in a filter. */
  get(ref: MessageRef, within?: Condition): Promise<StoredMessage | null>
}

/** Rows of the log. */
export interface LogPage {
  /** In the order of the log. */
  readonly messages: readonly StoredMessage[]
  /** Where to go on; unchanged when there was nothing. */
  readonly cursor: string
  /** It ended before `limit` for its bytes: there is more. */
  readonly more?: boolean
}

/**
 * The message tables as one log. A row that commits late, behind a higher position of another writer, is still seen;
 * no row is seen twice. In order per device as long as one process writes the device's messages.
 */
export interface LogStore {
  /**
   * `types`: null in the list stands for `devicehub_message`. At most `limit` rows, and bytes as `PageRequest.maxBytes`
   * says; a cursor of null is the beginning.
   */
  read(
    types: readonly (AnyDeviceType | null)[],
    cursor: string | null,
    limit: number,
    maxBytes?: number,
  ): Promise<LogPage>
  /** The cursor behind everything that is committed now. */
  end(types: readonly (AnyDeviceType | null)[]): Promise<string>
  /** The cursor before the first row that was received at `time` or later; the end when there is none. Reads what is older: not for every request. */
  seek(types: readonly (AnyDeviceType | null)[], time: number): Promise<string>
  /** How many committed rows lie behind a cursor, counted up to `max`. */
  count(types: readonly (AnyDeviceType | null)[], cursor: string | null, max: number): Promise<number>
}
