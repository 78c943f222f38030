import type { LogPage } from '../ports/messages.js'

/** Pages of the log, the next one read while the one before it is handled. */
export interface PageReader {
  next(from: string | null, limit: number): Promise<LogPage>
  /** Begins to read what follows a page, if there may be more. */
  readAhead(page: LogPage, limit: number): void
  /** Waits for what is being read. */
  close(): Promise<void>
}

export function createPageReader(read: (from: string | null, limit: number) => Promise<LogPage>): PageReader {
  let ahead: { readonly from: string; readonly limit: number; readonly page: Promise<LogPage> } | null = null

  const take = () => {
    const taken = ahead
    ahead = null
    return taken
  }

  return {
    async next(from, limit) {
      const ready = take()
      if (ready !== null && ready.from === from && ready.limit === limit) return ready.page
      // At most one read at a time.
      await ready?.page.catch(() => {})
      return read(from, limit)
    },
    readAhead({ messages, cursor, more = false }, limit) {
      // A page that is not full was the last for now.
      if (messages.length < limit && !more) return
      const page = read(cursor, limit)
      // Whoever wants it hears of the failure.
      page.catch(() => {})
      ahead = { from: cursor, limit, page }
    },
    async close() {
      await take()?.page.catch(() => {})
    },
  }
}
