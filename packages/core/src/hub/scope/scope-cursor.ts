import { contentHash, nameSeeds } from '../../ingest/content-hash.js'
import { DeviceHubError } from '../../model/errors.js'
import type { Page, PageRequest } from '../../ports/page.js'

/** Of one list in one scope: its cursors belong to no other list and no other scope. */
export interface ScopedList {
  readonly call: string
  /** What tells the list from others: the scope, the type, the filter. */
  readonly identity: readonly unknown[]
}

const SEEDS = nameSeeds(['scoped list'])

const hashOf = ({ call, identity }: ScopedList): number =>
  contentHash(SEEDS, [JSON.stringify([call, ...identity])])

/** A page of a storage's list, with a cursor that is good for this list in this scope alone. */
export async function scopedPage<T>(
  list: ScopedList,
  page: PageRequest,
  read: (page: PageRequest) => Promise<Page<T>>,
): Promise<Page<T>> {
  const cursor = page.cursor === undefined ? undefined : readScopedCursor(list, page.cursor)
  const found = await read({ ...page, cursor })
  return { ...found, cursor: found.cursor === null ? null : written(list, found.cursor) }
}

const written = (list: ScopedList, cursor: string): string =>
  Buffer.from(JSON.stringify([hashOf(list), cursor])).toString('base64url')

/** `invalid_query` for what was not given out for this list in this scope. */
export function readScopedCursor(list: ScopedList, given: string): string {
  try {
    const [of, cursor] = JSON.parse(Buffer.from(given, 'base64url').toString()) as unknown[]
    if (of === hashOf(list) && typeof cursor === 'string') return cursor
  } catch {
    // Not one of ours.
  }
  throw new DeviceHubError(
    'invalid_query',
    `${list.call}: cursor belongs to a list with another filter or scope, or is not one that this hub gave out. Start again without a cursor.`,
    { details: { function: list.call, key: 'cursor', cursor: given.slice(0, 200) } },
  )
}
