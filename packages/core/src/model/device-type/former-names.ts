import type { Field } from './field.js'

const NONE: readonly string[] = Object.freeze([])

/** Of a field, the latest first. */
export const formerNamesOf = ({ formerNames, renamedFrom }: Field): readonly string[] =>
  formerNames ?? (renamedFrom === null || renamedFrom === undefined ? NONE : [renamedFrom])

/** The name under which a field was declared first: a rename does not change the identity of samples. */
export const firstNameOf = (name: string, field: Field): string => formerNamesOf(field).at(-1) ?? name
