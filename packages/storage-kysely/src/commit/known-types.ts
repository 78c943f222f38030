import type { AnyDeviceType } from '@devicehub/core'
import { typeNotOpened } from '@devicehub/core/storage'
import { type SampleShape, sampleShape } from '../rows/sample-columns.js'

/** The device types a storage was opened with, and their columns. */
export interface KnownTypes {
  /** `unknown_type` for a type the storage was not opened with. */
  shapeOf(type: AnyDeviceType): SampleShape
  has(typeKey: string): boolean
  /** Null for no type, and for one that the storage was not opened with. */
  byKey(typeKey: string | null): AnyDeviceType | null
}

export function knownTypes(types: readonly AnyDeviceType[]): KnownTypes {
  const shapes = new Map(types.map((type) => [type.key, sampleShape(type)]))
  return {
    has: (typeKey) => shapes.has(typeKey),
    byKey: (typeKey) => types.find(({ key }) => key === typeKey) ?? null,
    shapeOf(type) {
      const shape = shapes.get(type.key)
      if (shape === undefined) throw typeNotOpened(type)
      return shape
    },
  }
}
