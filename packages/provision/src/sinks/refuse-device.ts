import type { SinkChange, SinkDevice } from './credential-sink.js'

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/
/** Wildcards grant more than the device's own, and `$` topics are the broker's. */
const NOT_LITERAL = /[+#]|^\$|^$/

/**
 * Why a store of users and rules must not be given this device, or null. A line break would begin a rule of its own,
 * a NUL ends a text early, an empty client id binds nothing.
 */
export function refuseDevice({ username, clientId, topics }: SinkDevice): string | null {
  const refusal = refuseUsername(username)
  if (refusal !== null) return refusal
  if (clientId === '' || CONTROL.test(clientId)) return 'the client id is empty or has control characters'
  for (const topic of [...topics.publish, ...topics.subscribe])
    if (NOT_LITERAL.test(topic) || CONTROL.test(topic))
      return `${JSON.stringify(topic)} is no literal topic of a device`
  return null
}

/** The same for a change, with its password. */
export function refuseChange(change: SinkChange): string | null {
  if (change.kind === 'remove') return refuseUsername(change.username)
  if (change.password === '' || CONTROL.test(change.password))
    return 'the password is empty or has control characters'
  return refuseDevice(change.device)
}

const refuseUsername = (username: string): string | null =>
  username === '' || CONTROL.test(username) ? 'the user name is empty or has control characters' : null
