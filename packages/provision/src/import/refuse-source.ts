import { realpath, stat } from 'node:fs/promises'
import { DeviceHubError } from '@devicehub/core'
import type { ImportSource } from './import-source.js'

/** `invalid_options` when the output is the file that is read, by whatever name: another path, a link of either kind. */
export async function refuseSource(output: string, source: ImportSource): Promise<void> {
  const path = pathOf(source)
  if (path === null || !(await isSameFile(path, output))) return
  throw new DeviceHubError(
    'invalid_options',
    `importDevices: the output file ${output} is the source itself, which would be lost; name another output`,
  )
}

/** Of a stream, too: those of files say where they read. */
function pathOf(source: ImportSource): string | null {
  const text = 'csv' in source ? source.csv : 'json' in source ? source.json : null
  if (text === null || typeof text === 'string') return text
  const { path } = text as { readonly path?: unknown }
  return typeof path === 'string' || Buffer.isBuffer(path) ? path.toString() : null
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([identityOf(one), identityOf(other)])
  if (first === null || second === null) return false
  // Not every file system has inode numbers.
  return (
    first.path === second.path || (first.ino !== 0n && first.ino === second.ino && first.dev === second.dev)
  )
}

/** Null when there is none, or it cannot be looked at: who opens it says so. */
async function identityOf(path: string) {
  try {
    const { dev, ino } = await stat(path, { bigint: true })
    return { path: await realpath(path), dev, ino }
  } catch {
    return null
  }
}
