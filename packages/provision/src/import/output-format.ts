import { stringify } from 'csv-stringify/sync'
import type { ImportedDevice } from './imported-device.js'

/** How an output file is made of rows: each is a line, so that what a crash leaves behind can be read. */
export interface OutputFormat {
  readonly head: string
  /** The first row of a file has no separator before it. */
  row(device: ImportedDevice, first: boolean): string
  /** What a row begins with when it is not the first; empty: nothing. */
  readonly separator: string
  foot(count: number): string
}

const COLUMNS = ['device_id', 'name', 'device_type', 'mqtt_username', 'mqtt_password', 'api_key']

/**
 * Names are free text, and a spreadsheet takes what begins like this for a formula. The other cells cannot hold one, and
 * have to be copied to the letter.
 */
const plainText = (name: string): string => (/^[=+\-@\t\r]/.test(name) ? `'${name}` : name)

export const csvFormat: OutputFormat = {
  head: `${COLUMNS.join(',')}\n`,
  separator: '',
  row: ({ deviceId, name, type, username, password, apiKey }) =>
    stringify([[deviceId, plainText(name), type.key, username, password, apiKey]]),
  foot: () => '',
}

export const jsonFormat = (typeKey: string): OutputFormat => ({
  head: `{"device_type":${JSON.stringify(typeKey)},"devices":[\n`,
  separator: ',',
  row: ({ deviceId, name, type, username, password, apiKey }, first) =>
    `${first ? '' : ','}${JSON.stringify({
      device_id: deviceId,
      name,
      device_type: type.key,
      mqtt_username: username,
      mqtt_password: password,
      api_key: apiKey,
    })}\n`,
  foot: (count) => `],"count":${count}}\n`,
})
