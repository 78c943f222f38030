/**
 * Runs before the tests of each file: notes every secret that is made while they run. All of them come from 32 random
 * bytes, as base64url or hex.
 */
import crypto from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'

const folder = process.env.DEVICEHUB_TEST_SECRETS
/** On the function that records: files that share a worker run this again, and each secret is noted once. */
const RECORDING = Symbol.for('devicehub.records-secrets')
if (folder !== undefined && !(RECORDING in crypto.randomBytes)) {
  const file = join(folder, `${process.pid}-${crypto.randomUUID()}`)
  const original = crypto.randomBytes
  const recording = (...args: Parameters<typeof original>) => {
    const made: unknown = original(...args)
    if (Buffer.isBuffer(made) && made.length === 32)
      appendFileSync(file, `${made.toString('base64url')}\n${made.toString('hex')}\n`)
    return made
  }
  crypto.randomBytes = Object.assign(recording, { [RECORDING]: true }) as unknown as typeof original
  // What imports it by name gets the recording one, too.
  syncBuiltinESMExports()
}
