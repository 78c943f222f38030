/** Beside `src` and beside `dist`: this file has to stay at the top of either. */
export const workerFile = (): URL => new URL('../worker/sqlite-worker.cjs', import.meta.url)
