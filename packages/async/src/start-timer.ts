/** The longest time that `setTimeout` counts, in milliseconds: 24.8 days. It calls back at once when given more. */
const LONGEST = 2_147_483_647

/** `setTimeout` for any time, `Infinity` included. Returns a function that stops it. */
export function startTimer(milliseconds: number, callback: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  function count(left: number): void {
    if (left === Number.POSITIVE_INFINITY) return
    timer =
      left > LONGEST ? setTimeout(count, LONGEST, left - LONGEST) : setTimeout(callback, Math.max(0, left))
  }
  count(milliseconds)
  return () => clearTimeout(timer)
}
