import type { OptionRules } from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Condition } from '../model/selector/condition.js'
import { queryOf } from '../model/selector/conditions-of.js'

/** What a query asks of the devices of one type. */
export interface Selected {
  readonly type: AnyDeviceType
  readonly condition: Condition
  /** The same with times relative to a fixed moment: it tells whether two queries are the same. */
  readonly fixed: Condition
}

export interface AcceptedQuery<Rest> {
  readonly selected: readonly Selected[]
  /** The keys beside those of the selector. */
  readonly rest: Rest
}

/** A query over types: the keys of a selector, and others beside them. `invalid_query` says where it is wrong. */
export function acceptQuery<Rest extends object>(
  call: string,
  types: readonly AnyDeviceType[],
  query: unknown,
  now: number,
  others: OptionRules<Rest>,
): AcceptedQuery<Rest> {
  let rest: Rest | undefined
  const selected = types.map((type): Selected => {
    const asked = queryOf(call, type, types, query, now, others)
    rest ??= asked.rest
    return {
      type,
      condition: asked.condition,
      // Only a list with pages asks for it.
      get fixed() {
        return queryOf(call, type, types, query, 0, others).condition
      },
    }
  })
  return { selected, rest: rest ?? ({} as Rest) }
}
