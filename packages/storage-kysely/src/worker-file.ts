/** The worker is beside `src`, and beside `dist` in the package: so this file must stay at the top of either. */
export const workerFile = (): URL => new URL('../worker/sqlite-worker.cjs', import.meta.url)
