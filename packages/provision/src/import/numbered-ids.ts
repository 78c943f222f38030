import type { AnyDeviceType } from '@devicehub/core'
import { conditionOf, devicePages } from '@devicehub/core/storage'
import type { ProvisionHub } from '../provision-hub.js'

const PAGE = 1_000

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
      const named = conditionOf(type, { search: stem })
      for await (const page of devicePages(storage.devices, type, named, PAGE))
        for (const { deviceId } of page) highest = Math.max(highest, numberOf(deviceId))
      return highest + 1
    },
  }
}
