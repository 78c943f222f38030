/** Rows a page when none was asked for. */
export const PAGE_LIMIT = 100
