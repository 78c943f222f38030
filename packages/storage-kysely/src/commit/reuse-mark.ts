/** The `sample_reuse` of a row whose id now belongs to a later sample; never 0. */
export const reuseMark = (contentHash: number | null): number => contentHash || -1
