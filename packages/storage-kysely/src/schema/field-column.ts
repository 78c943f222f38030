import type { Field } from '@devicehub/core/definition'
import { fieldType } from './logical-type.js'
import type { ColumnModel } from './table-model.js'

export const fieldColumn = (name: string, field: Field) =>
  ({
    name,
    type: fieldType(field),
    nullable: true,
    formerNames: field.formerNames ?? (field.renamedFrom === null ? [] : [field.renamedFrom]),
    field,
  }) satisfies ColumnModel
