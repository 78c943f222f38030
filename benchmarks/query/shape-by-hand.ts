import { FROM, TO } from './fleet.js'

/** The least and the greatest of each of 400 slices of time. */
export function shapeOf(rows: readonly Readonly<Record<string, unknown>>[]): unknown {
  const slices: { low: number; high: number; lowAt: number; highAt: number }[] = []
  for (const row of rows) {
    const [at, value] = [Number(row.at), Number(row.value)]
    const slice = Math.floor(((at - FROM) / (TO - FROM)) * 400)
    const held = slices[slice]
    if (held === undefined) slices[slice] = { low: value, high: value, lowAt: at, highAt: at }
    else if (value < held.low) Object.assign(held, { low: value, lowAt: at })
    else if (value > held.high) Object.assign(held, { high: value, highAt: at })
  }
  return slices
}
