import type { AnyDeviceType } from '@devicehub/core'
import { conditionOf, eachDevice } from '@devicehub/core/storage'
import type { ProvisionHub } from '../provision-hub.js'

/** `<prefix><type key>-001`, and how to read the number of such an id. */
export interface Numbering {
  idOf(number: number): string
  /** The number after the highest in use. */
  first(): Promise<number>
}

export function numbering(
  { storage }: Pick<ProvisionHub, 'storage'>,
  type: AnyDeviceType,
  prefix: string,
): Numbering {
  const stem = `${prefix}${type.key}-`

  function numberOf(deviceId: string): number {
    const digits = deviceId.startsWith(stem) ? deviceId.slice(stem.length) : ''
    return /^\d{3,15}$/.test(digits) ? Number(digits) : 0
  }

  return {
    idOf: (number) => `${stem}${String(number).padStart(3, '0')}`,
    async first() {
      let highest = 0
      for await (const { deviceId } of eachDevice(storage, type, conditionOf(type, { search: stem })))
        highest = Math.max(highest, numberOf(deviceId))
      return highest + 1
    },
  }
}
