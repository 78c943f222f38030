import { realpath } from 'node:fs/promises'
import { DeviceHubError } from '@devicehub/core'
import type { InMilliseconds } from '@devicehub/core/check'
import { acceptFiles } from '../option-rules.js'
import type { MosquittoFilesOptions } from './options.js'

export type FilesSettings = Required<Omit<InMilliseconds<MosquittoFilesOptions>, 'broker'>> & {
  readonly broker: string | undefined
}

/** Checked, with defaults. Throws `invalid_options`. */
export function filesSettings(given: MosquittoFilesOptions): FilesSettings {
  const options = acceptFiles(given)
  const refuse = (message: string) => new DeviceHubError('invalid_options', `mosquittoFiles: ${message}`)
  const { passwordFile, aclFile, reload, broker } = options
  const { section = 'devicehub', iterations = 101, timeout = 10_000 } = options
  if (passwordFile === aclFile) throw refuse('`passwordFile` and `aclFile` are the same file')
  return { passwordFile, aclFile, reload, section, iterations, timeout, broker }
}

/** The file itself, where a path is a link to it: two ways to one file must find one lock. */
export const resolved = (path: string): Promise<string> => realpath(path).catch(() => path)
