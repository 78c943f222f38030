/** `sample_reuse` of a row whose id has passed to another: never 0. */
export const reuseMark = (contentHash: number | null): number => contentHash || -1
