import { trusting } from '../model/check/index.js'
import * as aggregates from './aggregate-field.js'
import * as aggregated from './aggregate-samples.js'
import * as commands from './apply-command-change.js'
import * as desired from './apply-desired.js'
import * as devices from './apply-device-change.js'
import * as reports from './apply-report.js'
import * as values from './check-values.js'
import * as orders from './command-order.js'
import * as cursors from './cursor.js'
import * as changes from './fold-changes.js'
import * as claims from './judge-claim.js'
import * as latest from './latest-values.js'
import * as pages from './page-of.js'
import * as commits from './plan-commit.js'
import * as credentials from './plan-credential-writes.js'
import * as outcomes from './record-outcome.js'
import * as identities from './sample-index.js'
import * as samples from './sample-outcomes.js'
import * as errors from './storage-errors.js'

/**
 * The rules that every storage takes alike, for who writes one. They are called for each row, with rows that the storage
 * read itself and changes that the hub made.
 */

export const aggregateField = trusting(
  'aggregateField',
  'a device type and an aggregate query',
  aggregates.aggregateField,
)
export const isBlocked = trusting(
  'isBlocked',
  'the policy of a command and what is ahead of it',
  orders.isBlocked,
)
export const judgeNewCommands = trusting(
  'judgeNewCommands',
  'commands, their rows and who claims',
  orders.judgeNewCommands,
)
export const applyCommandChange = trusting(
  'applyCommandChange',
  'a row and a change of a command',
  commands.applyCommandChange,
)
export const applyDesired = trusting(
  'applyDesired',
  'a row and a patch of desired state',
  desired.applyDesired,
)
export const applyReport = trusting('applyReport', 'a row and a report of state', reports.applyReport)
export const applyDeviceChange = trusting(
  'applyDeviceChange',
  'a row and a change of a device',
  devices.applyDeviceChange,
)
export const liveStateOf = trusting('liveStateOf', 'the row of a device', devices.liveStateOf)
export const isClaimKeyGood = trusting(
  'isClaimKeyGood',
  'the row of a claim key and a time',
  claims.isClaimKeyGood,
)
export const judgeClaim = trusting('judgeClaim', 'a request and its rows', claims.judgeClaim)
export const addToLatest = trusting('addToLatest', 'a row of last values and a sample', latest.addToLatest)
export const latestRowOf = trusting('latestRowOf', 'a sample', latest.latestRowOf)
export const latestTime = trusting(
  'latestTime',
  'a row of last values and the place of a reading',
  latest.latestTime,
)
export const planCredentialWrites = trusting(
  'planCredentialWrites',
  'writes of credentials and their rows',
  credentials.planCredentialWrites,
)
export const withCommandOutcome = trusting(
  'withCommandOutcome',
  'a message, a change of a command and its outcome',
  outcomes.withCommandOutcome,
)
export const withReportOutcome = trusting(
  'withReportOutcome',
  'a message, names of fields and the outcome of a report',
  outcomes.withReportOutcome,
)
export const withFlag = trusting('withFlag', 'flags and a flag', outcomes.withFlag)
export const withSampleOutcomes = trusting(
  'withSampleOutcomes',
  'a message and what became of its samples',
  samples.withSampleOutcomes,
)

const CURSOR = 'the name of a list and a cursor, or what it is made of'
export const writeCursor = trusting('writeCursor', CURSOR, cursors.writeCursor)
export const readCursor = trusting('readCursor', CURSOR, cursors.readCursor, 'invalid_query')
export const readNumericCursor = trusting(
  'readNumericCursor',
  CURSOR,
  cursors.readNumericCursor,
  'invalid_query',
)
export const badCursor = trusting('badCursor', CURSOR, cursors.badCursor)

const REFUSED = 'what is refused'
export const typeNotOpened = trusting('typeNotOpened', REFUSED, errors.typeNotOpened)
export const storageClosed = trusting('storageClosed', REFUSED, errors.storageClosed)
export const deviceExists = trusting('deviceExists', REFUSED, errors.deviceExists)
export const usernameTaken = trusting('usernameTaken', REFUSED, errors.usernameTaken)
export const unknownStateField = trusting('unknownStateField', REFUSED, errors.unknownStateField)
export const notReplayable = trusting('notReplayable', REFUSED, errors.notReplayable)
export const fenced = trusting('fenced', REFUSED, errors.fenced)
export const controlMissing = trusting('controlMissing', REFUSED, errors.controlMissing)
export const commandExists = trusting('commandExists', REFUSED, errors.commandExists)

export const aggregateSamples = trusting(
  'aggregateSamples',
  'an aggregate query and samples',
  aggregated.aggregateSamples,
)
export const checkValues = trusting('checkValues', 'fields and values', values.checkValues)
export const isStorable = trusting('isStorable', 'the kind of a field and a value', values.isStorable)
export const foldChanges = trusting('foldChanges', 'a batch and the rows of its devices', changes.foldChanges)
export const planCommit = trusting('planCommit', 'a batch and its rows', commits.planCommit)
export const judgeSample = trusting('judgeSample', 'a sample and what is known of it', identities.judgeSample)
export const sampleIdKey = trusting('sampleIdKey', 'a sample', identities.sampleIdKey)
export const sampleContentKey = trusting('sampleContentKey', 'a sample', identities.sampleContentKey)
export const bytesOf = trusting('bytesOf', 'the values of a row', pages.bytesOf)
export const pageOf = trusting('pageOf', 'rows, a page request and how rows are given', pages.pageOf)
