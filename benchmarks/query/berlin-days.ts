import { FROM, TO } from './fleet.js'

const HOUR = 3_600_000
const hourOf = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'Europe/Berlin',
  hour: 'numeric',
  hourCycle: 'h23',
})
let known: readonly (readonly [number, number])[] | undefined

/** The days of Berlin that are within the year: start and end of each. */
export function berlinDays(): readonly (readonly [number, number])[] {
  if (known) return known
  const edges: number[] = [FROM]
  for (let at = FROM + HOUR; at < TO; at += HOUR) if (Number(hourOf.format(at)) === 0) edges.push(at)
  edges.push(TO)
  known = edges.slice(1).map((end, index) => [edges[index] as number, end] as const)
  return known
}
