import type { AnyDeviceType } from '@devicehub/core'
import type { Field } from '@devicehub/core/definition'

/** A field of a type, as the definition would leave it. */
export const field = (kind: Field['kind'], options: Partial<Field> = {}): Field => ({
  kind,
  unit: null,
  min: null,
  max: null,
  precision: null,
  description: null,
  label: null,
  nullable: true,
  maxLength: null,
  values: null,
  default: null,
  renamedFrom: null,
  ...options,
})

/** A device type of just its columns. */
export const deviceType = (
  key: string,
  readings: Readonly<Record<string, Field>>,
  state: Readonly<Record<string, Field>> = {},
): AnyDeviceType => ({
  kind: 'device-type',
  name: key,
  key,
  abstract: false,
  readings,
  readingNames: Object.keys(readings),
  commands: {},
  state,
  stateNames: Object.keys(state),
  options: {},
  hooks: {},
})
