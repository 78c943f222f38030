import type { AnyDeviceType } from './device-type.js'

/** What the child declares replaces what it inherits under the same name. */
export type Merge<Inherited, Own> = [Inherited] extends [never]
  ? Own
  : {
      readonly [Name in keyof Inherited | keyof Own]: Name extends keyof Own
        ? Own[Name]
        : Inherited[Name & keyof Inherited]
    }

/** `never` when the type extends nothing. */
export type PartOf<Parent, Part extends 'readings' | 'commands' | 'state'> = Parent extends AnyDeviceType
  ? Parent[Part]
  : never
