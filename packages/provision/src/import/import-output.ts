import type { AnyDeviceType } from '@devicehub/core'
import { DeviceHubError } from '@devicehub/core'
import type { ImportSource } from './import-source.js'
import type { ImportedDevice, OutputWriter } from './imported-device.js'
import { OutputFile } from './output-file.js'
import { csvFormat, jsonFormat } from './output-format.js'
import { refuseSource } from './refuse-source.js'

/** Where the secrets of an import go: a file, or a function. */
export type ImportOutput =
  /** Made with mode 0600. The format is that of the extension (`.csv` or `.json`) unless it is said. */
  | {
      readonly file: string
      readonly format?: 'csv' | 'json'
      /**
       * Replace a file that is there, with the secrets it holds; default false: it is refused. It is replaced at once and
       * as a whole, when the first device is about to be created: an import that comes to nothing leaves it alone.
       */
      readonly overwrite?: boolean
    }
  /** Called with the devices of each batch before they are created, and awaited. Some of them may not be created then. */
  | ((devices: readonly ImportedDevice[]) => unknown)

/** `invalid_options` when the file exists, is a symbolic link, cannot be made, or is the source. Nothing is touched then. */
export async function openOutput(
  type: AnyDeviceType,
  output: ImportOutput,
  source: ImportSource,
): Promise<OutputWriter> {
  if (typeof output === 'function')
    return { write: async (devices) => void (await output(devices)), discard() {}, close: async () => {} }
  if (typeof output?.file !== 'string')
    throw new DeviceHubError(
      'invalid_options',
      'importDevices needs the option output, { file } or a function: the secrets are shown there and nowhere else',
    )
  const format = output.format ?? (/\.(csv|json)$/i.exec(output.file)?.[1]?.toLowerCase() as 'csv' | 'json')
  if (format !== 'csv' && format !== 'json')
    throw new DeviceHubError(
      'invalid_options',
      `The format of the output file ${output.file} is not known: name it .csv or .json, or say format`,
    )
  await refuseSource(output.file, source)
  return OutputFile.open(
    output.file,
    format === 'csv' ? csvFormat : jsonFormat(type.key),
    output.overwrite ?? false,
  )
}
