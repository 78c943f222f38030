import type { AnyDeviceType } from '@devicehub/core'
import { typeNotOpened } from '@devicehub/core/storage'
import { type SampleShape, sampleShape } from '../rows/sample-columns.js'

/** The device types a storage was opened with, and their columns. */
export interface KnownTypes {
  /** `unknown_type` for a type the storage was not opened with. */
  shapeOf(type: AnyDeviceType): SampleShape
  has(typeKey: string): boolean
}

export function knownTypes(types: readonly AnyDeviceType[]): KnownTypes {
  const shapes = new Map(types.map((type) => [type.key, sampleShape(type)]))
  return {
    has: (typeKey) => shapes.has(typeKey),
    shapeOf(type) {
      const shape = shapes.get(type.key)
      if (shape === undefined) throw typeNotOpened(type)
      return shape
    },
  }
}
