import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { InferReadings } from '../model/device-type/infer.js'
import type { MessageInfo, MessageStatus } from '../model/message.js'
import type { Selector } from '../model/selector/selector.js'
import type { Channel } from '../model/topic/index.js'
import type { Reading } from './reading-values.js'
import type { ReadingName } from './series-request.js'

/** Which samples an export has. */
export interface ReadingExportQuery<T extends AnyDeviceType, Name extends string = ReadingName<T>> {
  /** An id, ids, or a selector; absent: all devices of the type. */
  readonly devices?: string | readonly string[] | Selector<T>
  /** Names of the readings that are read and given; absent: all. */
  readonly fields?: readonly Name[]
  /** Inclusive, by measured time. */
  readonly from?: Date
  /** Exclusive. */
  readonly to?: Date
  /** `cursor` of the last row that arrived, of an export with the same query: goes on behind it. */
  readonly after?: string | undefined
}

/** Which audit rows an export has. */
export interface MessageExportQuery {
  /** Of one device. */
  readonly deviceId?: string
  /** With one outcome. */
  readonly status?: MessageStatus
  /** Of one channel. */
  readonly channel?: Channel
  /** Inclusive, by received time. */
  readonly from?: Date
  /** Exclusive, by received time. */
  readonly to?: Date
  /** `cursor` of the last row that arrived, of an export with the same query: goes on behind it. */
  readonly after?: string | undefined
}

/** A row of an export. */
export interface ExportCursor {
  /** For `after` of a later export, which goes on behind this row. */
  readonly cursor: string
}

/** A sample of an export. */
export type ExportedReading<T extends AnyDeviceType, Name extends string = ReadingName<T>> = Reading<
  Pick<InferReadings<T>, Name & keyof InferReadings<T>>
> &
  ExportCursor

/** An audit row of an export. */
export type ExportedMessage = MessageInfo & ExportCursor

/** A column of `toCsv`. */
export interface ExportColumn {
  /** In the header. */
  readonly name: string
  /** Whether its values are JSON, a text among them too. */
  readonly isJson: boolean
}

/** Rows, any number of them, of which only a page is in memory. Each page is a query of its own, begun when it is asked for. */
export interface Export<Row> extends AsyncIterable<Row> {
  /** The columns of `toCsv`, in their order. */
  readonly columns: readonly ExportColumn[]
}
