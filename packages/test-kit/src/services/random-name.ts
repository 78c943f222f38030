import { randomBytes } from 'node:crypto'

/** A name that nothing else has: letters, digits and one underscore. */
export const randomName = (prefix: string): string => `${prefix}_${randomBytes(6).toString('hex')}`
