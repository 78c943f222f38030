import { createHash, timingSafeEqual } from 'node:crypto'

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/**
 * Whether two secrets are the same; how long it takes tells neither where they differ nor by how many characters. What
 * is no text is equal to nothing.
 */
export const secretEquals = (given: string, expected: string): boolean =>
  typeof given === 'string' &&
  typeof expected === 'string' &&
  timingSafeEqual(digest(given), digest(expected))
