import { afterEach, beforeEach, expect, onTestFinished } from 'vitest'

/** Rejected promises that nobody handled while the running test ran. */
export interface UnhandledRejections {
  /** Their reasons so far. Node tells of a rejection once the turn is over: a few turns pass first. */
  reasons(): Promise<readonly unknown[]>
  /** For a test that wants one: it is not taken for an error of the test. */
  expectSome(): void
}

/** Called at the top of a test file: each of its tests fails that leaves an unhandled rejection behind. */
export function recordUnhandledRejections(): UnhandledRejections {
  let recorded: unknown[] = []
  let expected = false
  const note = (reason: unknown) => void recorded.push(reason)
  const turns = async () => {
    for (let n = 0; n < 3; n++) await new Promise((resolve) => setImmediate(resolve))
  }
  beforeEach(() => {
    recorded = []
    expected = false
    process.on('unhandledRejection', note)
  })
  afterEach(async () => {
    await turns()
    process.off('unhandledRejection', note)
    if (!expected) expect(recorded).toEqual([])
  })
  return {
    async reasons() {
      await turns()
      return recorded
    },
    expectSome() {
      expected = true
      // Vitest's own listener would fail the run.
      const others = process.listeners('unhandledRejection').filter((listener) => listener !== note)
      for (const other of others) process.off('unhandledRejection', other)
      onTestFinished(() => {
        for (const other of others) process.on('unhandledRejection', other)
      })
    },
  }
}
