import { accept, callback, options, port, trusting } from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { deviceType } from '../model/device-type/type-rule.js'
import type { Condition } from '../model/selector/condition.js'
import { conditionsOf } from '../model/selector/conditions-of.js'
import type { Selector } from '../model/selector/selector.js'
import * as aggregates from './aggregate-field.js'
import * as aggregated from './aggregate-samples.js'
import * as commands from './apply-command-change.js'
import * as desired from './apply-desired.js'
import * as devices from './apply-device-change.js'
import * as reports from './apply-report.js'
import * as ascii from './ascii-lower.js'
import * as labels from './change-labels.js'
import * as values from './check-values.js'
import * as orders from './command-order.js'
import * as cursors from './cursor.js'
import * as each from './each-device.js'
import * as fleet from './fleet-overview.js'
import * as changes from './fold-changes.js'
import * as series from './fold-series.js'
import * as claims from './judge-claim.js'
import * as judged from './judge-device.js'
import * as sums from './large-sums.js'
import * as latest from './latest-values.js'
import * as lists from './list-devices.js'
import * as pages from './page-of.js'
import * as commits from './plan-commit.js'
import * as credentials from './plan-credential-writes.js'
import * as outcomes from './record-outcome.js'
import * as identities from './sample-index.js'
import * as samples from './sample-outcomes.js'
import * as fields from './series-field.js'
import { seriesQuery } from './series-rules.js'
import * as sync from './state-delta.js'
import * as errors from './storage-errors.js'

/**
 * The rules that every storage takes alike, for who writes one. They are called for each row, with rows that the storage
 * read itself and changes that the hub made.
 */

/**
 * The reading that an aggregate is of. `invalid_query` for a reading that is not declared, a function or an interval that
 * does not exist, a sum or an average of what is no number, a least or greatest of what is neither a number nor a time.
 */
export const aggregateField = trusting(
  'aggregateField',
  'a device type and an aggregate query',
  aggregates.aggregateField,
)
/**
 * Who waits behind whom: a command is published after all earlier ones of its device, but one that does not wait for
 * the device (`send`) does not wait behind those that do.
 */
export const isBlocked = trusting(
  'isBlocked',
  'the policy of a command and what is ahead of it',
  orders.isBlocked,
)
/**
 * The rules of `CommandStore.create`, for its commands in order: those that are queued are ahead of those that
 * follow.
 */
export const judgeNewCommands = trusting(
  'judgeNewCommands',
  'commands, their rows and who claims',
  orders.judgeNewCommands,
)
/** The row of a command that was just created; `expiresAt` by the storage's own clock. */
export const newCommandRecord = trusting(
  'newCommandRecord',
  'a new command and when it expires',
  orders.newCommandRecord,
)
/**
 * One step of a command: states only go forward, and what is final stays. A publication whose reply was faster than
 * the note of it is counted and changes no state.
 */
export const applyCommandChange = trusting(
  'applyCommandChange',
  'a row and a change of a command',
  commands.applyCommandChange,
)
/** One change of desired state: fields of the patch replace those there are, null takes one away. */
export const applyDesired = trusting(
  'applyDesired',
  'a row and a patch of desired state',
  desired.applyDesired,
)
/**
 * One report (invariant 4), field by field: what the device dates before its last report of a field, or reports under
 * an older desired version, changes nothing.
 */
export const applyReport = trusting('applyReport', 'a row and a report of state', reports.applyReport)
/**
 * One step of "old news changes nothing" (invariant 4): `last_seen` only moves forward, and news that came in before
 * the news a row already holds changes nothing else; what came in just now (`liveAt`) is the newest. Gives `current`
 * itself back when the change's own condition does not hold.
 */
export const applyDeviceChange = trusting(
  'applyDeviceChange',
  'a row and a change of a device',
  devices.applyDeviceChange,
)
/** Of a device's row, what messages change. */
export const liveStateOf = trusting('liveStateOf', 'the row of a device', devices.liveStateOf)
/** Whether a key was neither withdrawn nor has expired; it may be used up. */
export const isClaimKeyGood = trusting(
  'isClaimKeyGood',
  'the row of a claim key and a time',
  claims.isClaimKeyGood,
)
/**
 * The rules of `ClaimStore.claim`. With the proof of its claim a device may come again even when the key is used up;
 * not once its credentials were withdrawn.
 */
export const judgeClaim = trusting('judgeClaim', 'a request and its rows', claims.judgeClaim)
/**
 * Adds a sample that was stored later (invariant 4): of two values the one with the greater `orderAt` stays, of equal
 * ones the later. One of a time after the limit, if there is one, does not stay.
 */
export const addToLatest = trusting('addToLatest', 'a row of last values and a sample', latest.addToLatest)
/** The last values as one sample tells them. */
export const latestRowOf = trusting('latestRowOf', 'a sample', latest.latestRowOf)
/** The `orderAt` of the reading at this place; null where there is no value. */
export const latestTime = trusting(
  'latestTime',
  'a row of last values and the place of a reading',
  latest.latestTime,
)
/**
 * The rules of `CredentialStore.write`. A write that is made again after its answer was lost finds what it added:
 * that stays as it is.
 */
export const planCredentialWrites = trusting(
  'planCredentialWrites',
  'writes of credentials and their rows',
  credentials.planCredentialWrites,
)
/** The audit row of a command's entry once it is known what became of the command; null: no row. */
export const withCommandOutcome = trusting(
  'withCommandOutcome',
  'a message, a change of a command and its outcome',
  outcomes.withCommandOutcome,
)
/** The audit row of a state report once it is known what of it was taken. */
export const withReportOutcome = trusting(
  'withReportOutcome',
  'a message, names of fields and the outcome of a report',
  outcomes.withReportOutcome,
)
/** Adds a flag to flags, separated by a space; null adds none. */
export const withFlag = trusting('withFlag', 'flags and a flag', outcomes.withFlag)
/**
 * The audit row of a message once it is known what became of its samples: a `duplicate` when all of them were stored
 * before.
 */
export const withSampleOutcomes = trusting(
  'withSampleOutcomes',
  'a message and what became of its samples',
  samples.withSampleOutcomes,
)

/** A to Z in lower case, all else as it is: what `DeviceFilter.search` compares. */
export const asciiLower = trusting('asciiLower', 'a text', ascii.asciiLower, 'invalid_query')

const CURSOR = 'the name of a list and a cursor, or what it is made of'
/** A cursor: which list it belongs to, a number (an id, or epoch milliseconds) and what breaks ties. */
export const writeCursor = trusting('writeCursor', CURSOR, cursors.writeCursor)
/** What `writeCursor` wrote. `invalid_query` for anything else, and for a cursor of another list. */
export const readCursor = trusting('readCursor', CURSOR, cursors.readCursor, 'invalid_query')
/** As `readCursor`, for lists whose ties are numbers too. */
export const readNumericCursor = trusting(
  'readNumericCursor',
  CURSOR,
  cursors.readNumericCursor,
  'invalid_query',
)
/** The error for a cursor that cannot be read, `invalid_query`. */
export const badCursor = trusting('badCursor', CURSOR, cursors.badCursor)

const REFUSED = 'what is refused'
/** The error for a change after which a device would not be in the scope that it is made in, `out_of_scope`. */
export const outOfScope = trusting('outOfScope', REFUSED, errors.outOfScope)
/** The error for a type that the storage was not opened with, `unknown_type`. */
export const typeNotOpened = trusting('typeNotOpened', REFUSED, errors.typeNotOpened)
/** The error of every call after `close`, `closed`. */
export const storageClosed = trusting('storageClosed', REFUSED, errors.storageClosed)
/** The error for a device id that is taken, `device_exists`. */
export const deviceExists = trusting('deviceExists', REFUSED, errors.deviceExists)
/** The error for a user name or key that is taken, `credential_taken`. */
export const usernameTaken = trusting('usernameTaken', REFUSED, errors.usernameTaken)
/** The error for a state field that is not declared, `invalid_query`. */
export const unknownStateField = trusting('unknownStateField', REFUSED, errors.unknownStateField)
/** The error for a message that cannot be replayed, `not_replayable`. */
export const notReplayable = trusting('notReplayable', REFUSED, errors.notReplayable)
/** The error for a lease that another one holds by now, `fenced`; `details` name it. */
export const fenced = trusting('fenced', REFUSED, errors.fenced)
/** The error of a storage without the control group, `not_supported`. */
export const controlMissing = trusting('controlMissing', REFUSED, errors.controlMissing)
/** The error for a command id that is taken, `storage_failed`. */
export const commandExists = trusting('commandExists', REFUSED, errors.commandExists)

/**
 * The aggregate of samples that a storage has in memory, given in order of their measured times. `invalid_query` for
 * more buckets than `BUCKETS_MAX`, or more than `LATEST_BYTES` in their values.
 */
export const aggregateSamples = trusting(
  'aggregateSamples',
  'an aggregate query and samples',
  aggregated.aggregateSamples,
)
/**
 * A series out of the samples themselves, page by page: for functions that a database has no words for. What each means
 * stands with `SeriesQuery` and in docs/guides/history.md.
 */
export const foldSeries: typeof series.foldSeries = async (type, query, source) =>
  series.foldSeries(
    accept('foldSeries', 'type', deviceType, type),
    accept('foldSeries', 'query', seriesQuery, query, 'invalid_query'),
    accept('foldSeries', 'source', SERIES_SOURCE, source),
  )
const SERIES_SOURCE = options<series.SeriesSource>({
  scan: callback<series.SeriesSource['scan']>(),
  devices: port<series.SeriesSource['devices']>('a device store', 'list', 'find'),
})
/** The reading that a figure is of. `invalid_query` for one that is not declared, or that the function has no answer to. */
export const seriesField = trusting(
  'seriesField',
  'a device type and a figure',
  fields.seriesField,
  'invalid_query',
)
/** The sum of values that a storage added in two parts. Null over nothing, and where no double holds the sum. */
export const sumOfParts = trusting('sumOfParts', 'the parts of a sum', sums.sumOfParts)
/** Their average; null over nothing. */
export const averageOfParts = trusting('averageOfParts', 'the parts of a sum', sums.averageOfParts)
/** Refuses what the column types of a database would: `storage_failed`. */
export const checkValues = trusting('checkValues', 'fields and values', values.checkValues)
export { isStorable } from './check-values.js'
/**
 * What the touches and changes of a batch make of their devices, in order: touches first. `stateOf` is asked once for
 * each device; null: there is none.
 */
export const foldChanges = trusting('foldChanges', 'a batch and the rows of its devices', changes.foldChanges)
/**
 * What a commit decides, for a storage that can look at rows while it does: which samples are new, what the audit
 * rows say, what becomes of devices. `not_replayable`, or `storage_failed` for values that no column holds, before
 * anything is to be written.
 */
export const planCommit = trusting('planCommit', 'a batch and its rows', commits.planCommit)
/**
 * Invariant 2: an id with its content identifies a sample of its device; without an id, time and content do. One with
 * neither is always new.
 */
export const judgeSample = trusting('judgeSample', 'a sample and what is known of it', identities.judgeSample)
/** A device's sample by the id it carries, as a key for a map. */
export const sampleIdKey = trusting('sampleIdKey', 'a sample', identities.sampleIdKey)
/** A device's sample by its measured time and its content, as a key for a map. */
export const sampleContentKey = trusting('sampleContentKey', 'a sample', identities.sampleContentKey)
/** Bytes of those values of a row that can be long, for `PageRequest.maxBytes`. */
export const bytesOf = trusting('bytesOf', 'the values of a row', pages.bytesOf)
/** The first rows that match, as many as a page takes; the cursor is the last one's when there are more. */
export const pageOf = trusting('pageOf', 'rows, a page request and how rows are given', pages.pageOf)
/** Where a device stands in an order, for `DeviceListPage`. */
export const positionOf = trusting('positionOf', 'a device type, an order and a device', lists.positionOf)
/** Which of two places comes first in an order: negative, the left one. */
export const comparePositions = trusting(
  'comparePositions',
  'an order and two places',
  lists.comparePositions,
)
/** Devices with their places, in order. For storages that have their rows in memory. */
export const sortDevices = trusting('sortDevices', 'a device type, an order and devices', lists.sortDevices)
/** The page of a list of devices that is asked for, out of all of the list in its order. */
export const pageOfDevices = trusting('pageOfDevices', 'devices and a request', lists.pageOfDevices)
/** How many devices there are of which kind, of those given. For storages that have their rows in memory. */
export const overviewOf = trusting('overviewOf', 'devices and a request', fleet.overviewOf)
/** Whether a condition holds for a device: see `JudgedDevice`. For storages that look at their rows themselves. */
export const judgeDevice = trusting(
  'judgeDevice',
  'a device type, a condition and a device',
  judged.judgeDevice,
)
/** A device's labels after a change, in the order of their keys; `invalid_payload` when they are too many. */
export const changeLabels = trusting(
  'changeLabels',
  'a device id, its labels and what changes',
  labels.changeLabels,
)
/** Whether each desired field was reported as it is desired; true where nothing is desired. */
export const isInSync = trusting(
  'isInSync',
  'a device type, and its desired and reported state',
  sync.isInSync,
)
/** Devices for which a condition holds, each once, so many together: pages are read as they are needed. */
export const devicePages = trusting(
  'devicePages',
  'the devices of a storage, a device type, a condition and a size',
  each.devicePages,
)
/**
 * What a selector says of the devices of a type, for calls of `storage.devices`: `list` and `count` take it. `now`: epoch
 * milliseconds, for times relative to it. `invalid_query` says where the selector is wrong.
 */
export const conditionOf = trusting(
  'conditionOf',
  'a device type and a selector',
  (type: AnyDeviceType, selector: Selector, now = Date.now()): Condition =>
    conditionsOf('conditionOf', [type], selector, now).get(type) as Condition,
  'invalid_query',
)
