import { pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(pbkdf2)

/** Mosquitto reads salts of exactly this length. */
const SALT_BYTES = 12

/** What `mosquitto_passwd` writes: PBKDF2 with HMAC-SHA512. */
export async function passwordLine(username: string, password: string, iterations: number): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(password, salt, iterations, 64, 'sha512')
  return `${username}:$7$${iterations}$${salt.toString('base64')}$${hash.toString('base64')}`
}

/** Whether Mosquitto can check a password against what stands behind the colon. */
export const isPasswordHash = (text: string): boolean =>
  /^\$7\$[1-9]\d*\$[A-Za-z0-9+/]{16}\$[A-Za-z0-9+/]{86}==$/.test(text)

export interface PasswordFile {
  /** By user name what stands behind the colon; several where a name stands there more than once. */
  readonly users: ReadonlyMap<string, readonly string[]>
  /** The text with these lines instead of those of their users (null: none), everything else as it is. */
  replace(lines: ReadonlyMap<string, string | null>): string
}

export function parsePasswordFile(text: string): PasswordFile {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const users = new Map<string, string[]>()
  for (const line of lines) {
    const name = nameIn(line)
    if (name !== null) users.set(name, [...(users.get(name) ?? []), line.slice(name.length + 1).trimEnd()])
  }
  return {
    users,
    replace(changed) {
      const left = new Map(changed)
      const out: string[] = []
      for (const line of lines) {
        const name = nameIn(line)
        if (name === null || !changed.has(name)) out.push(line)
        else {
          const replacement = left.get(name)
          if (replacement) out.push(replacement)
          left.delete(name)
        }
      }
      for (const line of left.values()) if (line !== null) out.push(line)
      return out.map((line) => `${line}\n`).join('')
    },
  }
}

function nameIn(line: string): string | null {
  const colon = line.indexOf(':')
  return colon > 0 ? line.slice(0, colon) : null
}
