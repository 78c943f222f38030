import { randomBytes } from 'node:crypto'

const BYTES = 32

/**
 * 256 random bits for user names' passwords and claim keys. Never begins with `-`: it is pasted into command lines, which
 * take that for an option, and into spreadsheets, which take it for a formula.
 */
export function randomSecret(): string {
  for (;;) {
    const secret = randomBytes(BYTES).toString('base64url')
    if (!secret.startsWith('-')) return secret
  }
}

export const randomApiKey = (): string => randomBytes(BYTES).toString('hex')
