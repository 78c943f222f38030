import { chownSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DeviceHubError } from '@devicehub/core'
import type { RunAs } from './run-as.js'
import { runCommand } from './run-command.js'

export interface TemplateRequest {
  /** Names the kind and version of the data: another name is another template. */
  readonly name: string
  readonly runAs?: RunAs | undefined
  /** Fills the new, empty folder. */
  create(folder: string): Promise<void>
}

/** Copies a freshly initialised data folder to `target`: initialising takes seconds, so it is done once and kept. */
export async function copyTemplate(request: TemplateRequest, target: string): Promise<void> {
  await runCommand('cp', ['-Rp', await templateFolder(request), target])
}

/** The kept folder itself, made at the first call. */
export async function templateFolder(request: TemplateRequest): Promise<string> {
  const self = process.getuid?.() ?? 0
  const root = join(tmpdir(), `devicehub-templates-${self}`)
  mkdirSync(root, { recursive: true, mode: 0o711 })
  // Any user may create this name in a shared temporary folder; a folder of another user must not be used.
  if (lstatSync(root).uid !== self)
    throw new DeviceHubError('invalid_options', `${root} belongs to another user: remove it or set TMPDIR`)
  const template = join(root, `${request.name}-${request.runAs?.uid ?? self}`)
  if (!exists(template)) await build(request, root, template)
  return template
}

async function build(request: TemplateRequest, root: string, template: string): Promise<void> {
  const draft = mkdtempSync(join(root, 'draft-'))
  try {
    if (request.runAs) chownSync(draft, request.runAs.uid, request.runAs.gid)
    await request.create(draft)
    renameSync(draft, template)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    // Two test files may build it at once: the first result is used.
    if (!exists(template)) throw error
  }
}

function exists(folder: string): boolean {
  try {
    return lstatSync(folder).isDirectory()
  } catch {
    return false
  }
}
