import { DeviceHubError } from '../model/errors.js'

/** Keyset cursors: which list they belong to, a number (an id, or a time in epoch milliseconds) and what breaks ties. */
export const writeCursor = (list: string, key: number, tie: string | number): string =>
  `${list}.${key}.${tie}`

export function readCursor(list: string, cursor: string): { key: number; tie: string } {
  const [of, key, ...tie] = cursor.split('.')
  if (of !== list || !isInteger(key) || tie.length === 0) throw badCursor(list, cursor)
  return { key: Number(key), tie: tie.join('.') }
}

/** For lists whose ties are numbers too. */
export function readNumericCursor(list: string, cursor: string): { key: number; tie: number } {
  const { key, tie } = readCursor(list, cursor)
  if (!isInteger(tie)) throw badCursor(list, cursor)
  return { key, tie: Number(tie) }
}

/** Of the last row of the log before the cursor. */
export const logPosition = (cursor: string | null): number =>
  cursor === null ? 0 : readNumericCursor('log', cursor).key

/** The end of the year 9999 in milliseconds: what other storages can hold as well. */
const KEY_MAX = 253_402_300_799_999
/** The beginning of the year 1. */
const KEY_MIN = -62_135_596_800_000

/** As it is written, in one way: 7, and neither 007 nor -0. */
const isInteger = (text: string | undefined): boolean =>
  text !== undefined &&
  /^(0|-?[1-9]\d{0,14})$/.test(text) &&
  Number(text) >= KEY_MIN &&
  Number(text) <= KEY_MAX

/** What people call the lists that are not called as their rows are. */
const SHOWN: ReadonlyMap<string, string> = new Map([
  ['log', 'the log'],
  ['overdue', 'overdue devices'],
  ['failures', 'the failures of a consumer'],
])

export const badCursor = (list: string, cursor: string) =>
  new DeviceHubError(
    'invalid_query',
    `The cursor of ${SHOWN.get(list) ?? list} is not one that this storage gave out. Start again without a cursor.`,
    { details: { cursor: cursor.slice(0, 200) } },
  )
