import { expect, onTestFinished, test, vi } from 'vitest'
import type { IngestOutcome } from '../ingest/ingest.js'
import { createSentNotes, type SentNote } from './sent-notes.js'

const TIMEOUT = 30_000

/** Notes by their number, and what was recorded of them. The clock stands still. */
function held() {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const recorded: unknown[] = []
  const notes = createSentNotes(async ({ now }) => {
    recorded.push(now)
    return {} as IngestOutcome
  })
  const add = (id: string, now: number) =>
    notes.add(id, { now, command: null } as unknown as SentNote, TIMEOUT)
  return { notes, add, recorded }
}

test('of a command that is published again the earlier note goes first', async () => {
  const { add, recorded } = held()
  const first = add('a', 1)
  const second = add('a', 2)
  await first
  expect(recorded).toEqual([1])
  await vi.advanceTimersByTimeAsync(60)
  await second
  expect(recorded).toEqual([1, 2])
})

test('each is held back for its own time', async () => {
  const { add, recorded } = held()
  void add('a', 1)
  await vi.advanceTimersByTimeAsync(30)
  void add('b', 2)
  await vi.advanceTimersByTimeAsync(30)
  expect(recorded).toEqual([1])
  await vi.advanceTimersByTimeAsync(30)
  expect(recorded).toEqual([1, 2])
})

test('after close() none is held back, and no timer is left', async () => {
  const { notes, add, recorded } = held()
  void add('a', 1)
  notes.close()
  expect(recorded).toEqual([1])
  expect(vi.getTimerCount()).toBe(0)
  await add('b', 2)
  expect(recorded).toEqual([1, 2])
})
