export interface RoundTrips {
  readonly count: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Does it so many times, `atOnce` of them at a time, after a tenth of it to warm up. */
export async function timeRoundTrips(
  count: number,
  atOnce: number,
  once: (n: number) => Promise<void>,
): Promise<RoundTrips> {
  await run(Math.ceil(count / 10), atOnce, once)
  const began = performance.now()
  const times = await run(count, atOnce, once)
  const seconds = (performance.now() - began) / 1000
  times.sort((a, b) => a - b)
  const at = (share: number) =>
    round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0)
  return { count, perSecond: Math.round(count / seconds), p50Ms: at(0.5), p99Ms: at(0.99) }
}

async function run(count: number, atOnce: number, once: (n: number) => Promise<void>): Promise<number[]> {
  const times: number[] = []
  let next = 0
  const worker = async () => {
    while (next < count) {
      const n = next++
      const began = performance.now()
      await once(n)
      times.push(performance.now() - began)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return times
}

export const round = (value: number): number => Math.round(value * 1000) / 1000
