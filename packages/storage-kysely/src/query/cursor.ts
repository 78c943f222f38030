import { DeviceHubError } from '@devicehub/core'

/** Keyset cursors: which list they belong to, a number and what breaks ties. */
export const writeCursor = (list: string, key: number, tie: string | number): string =>
  `${list}.${key}.${tie}`

export function readCursor(list: string, cursor: string): { key: number; tie: string } {
  const [of, key = '', ...tie] = cursor.split('.')
  if (of !== list || !isInteger(key) || tie.length === 0) throw badCursor(list, cursor)
  return { key: Number(key), tie: tie.join('.') }
}

/** For lists whose ties are numbers too. */
export function readNumericCursor(list: string, cursor: string): { key: number; tie: number } {
  const { key, tie } = readCursor(list, cursor)
  if (!isInteger(tie)) throw badCursor(list, cursor)
  return { key, tie: Number(tie) }
}

/** The end of the year 9999 in milliseconds, which every database's times can hold; ids are smaller. */
const KEY_MAX = 253_402_300_799_999
/** The beginning of the year 1. */
const KEY_MIN = -62_135_596_800_000

const isInteger = (text: string) =>
  /^-?\d{1,15}$/.test(text) && Number(text) >= KEY_MIN && Number(text) <= KEY_MAX

export const badCursor = (list: string, cursor: string): DeviceHubError =>
  new DeviceHubError(
    'invalid_query',
    `The cursor of ${list} is not one that this storage gave out. Start again without a cursor.`,
    { details: { cursor: cursor.slice(0, 200) } },
  )
