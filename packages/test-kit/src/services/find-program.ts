import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { DeviceHubError } from '@devicehub/core'
import { checkAsked, INSTALL, isHidden, type ProgramOwner } from './programs.js'

// Debian has servers outside a user's PATH, and PostgreSQL outside any PATH.
const FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin', '/opt/homebrew/sbin']

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Absolute path of the first of these programs that is installed and not hidden, else undefined. */
export function findProgram(owner: ProgramOwner, ...names: readonly string[]): string | undefined {
  if (isHidden(owner)) return undefined
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter(Boolean), ...FOLDERS]
  for (const name of names)
    for (const folder of folders) if (isExecutable(join(folder, name))) return join(folder, name)
  return undefined
}

/** Like `findProgram`; throws `missing_dependency` that says what to install. */
export function requireProgram(owner: ProgramOwner, ...names: readonly string[]): string {
  checkAsked(owner)
  const file = findProgram(owner, ...names)
  if (file === undefined)
    throw new DeviceHubError('missing_dependency', `${names[0]} is not installed: ${INSTALL[owner]}`, {
      details: { program: names[0], install: INSTALL[owner] },
    })
  return file
}

/** Folder of the newest PostgreSQL server's programs, else undefined. */
export function findPostgresPrograms(): string | undefined {
  if (isHidden('postgres')) return undefined
  for (const root of ['/usr/lib/postgresql', '/usr/local/opt', '/opt/homebrew/opt']) {
    const newest = listFolder(root)
      .map((name) => ({ name, version: Number(/^(?:postgresql@)?(\d+)$/.exec(name)?.[1]) }))
      .filter(({ name, version }) => version > 0 && isExecutable(join(root, name, 'bin', 'initdb')))
      .sort((a, b) => b.version - a.version)[0]
    if (newest) return join(root, newest.name, 'bin')
  }
  const initdb = findProgram('postgres', 'initdb')
  return initdb?.slice(0, -'/initdb'.length)
}

/** The server's own script, which starts it as who we are; the one that Debian has in the PATH changes the user. */
export function findRabbitMq(): string | undefined {
  const script = '/usr/lib/rabbitmq/bin/rabbitmq-server'
  if (isHidden('rabbitmq')) return undefined
  return isExecutable(script) ? script : findProgram('rabbitmq', 'rabbitmq-server')
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
