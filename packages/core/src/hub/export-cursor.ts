import { DeviceHubError } from '../model/errors.js'

/** What a row of an export says of its place: which list, then texts. A colon is in none of them once they are encoded. */
export const writeExportCursor = (list: string, ...parts: readonly (string | number)[]): string =>
  [list, ...parts].map(encodeURIComponent).join(':')

export function readExportCursor(call: string, list: string, parts: number, cursor: string): string[] {
  try {
    const [of, ...found] = cursor.split(':').map(decodeURIComponent)
    if (of === list && found.length === parts) return found
  } catch {
    // Not ours.
  }
  throw badExportCursor(call)
}

export const badExportCursor = (call: string) =>
  new DeviceHubError(
    'invalid_query',
    `${call}: after must be the cursor of a row of such an export; leave it out to begin again`,
    { details: { function: call, key: 'after' } },
  )

/** Whether the row `id` comes at or before `place`, where ids grow along the list. Of ids that are no numbers: unknown. */
export const isUpTo = (id: string, place: string): boolean | undefined =>
  /^\d{1,15}$/.test(id) && /^\d{1,15}$/.test(place) ? Number(id) <= Number(place) : undefined
