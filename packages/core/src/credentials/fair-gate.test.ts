import { afterEach, expect, it, vi } from 'vitest'
import { createFairGate, type ShareLimits } from './fair-gate.js'

afterEach(() => void vi.useRealTimers())

const EACH = { running: 1, waiting: 2, waitTimeoutMs: 1_000 }

/** Tasks that end when they are told to; `begun` names them in the order in which they ran. */
function gateOf({ concurrency = 2, maxQueued = 6, ...limits }: Partial<ShareLimits & Bounds> = {}) {
  const gate = createFairGate({
    name: 'tasks',
    concurrency,
    maxQueued,
    limitsOf: () => ({ ...EACH, ...limits }),
  })
  const begun: string[] = []
  const refused: string[] = []
  const ends = new Map<string, () => void>()
  const run = (share: string, task: string, rest = 0) =>
    gate
      .run(
        share,
        () =>
          new Promise<void>((resolve) => {
            begun.push(task)
            ends.set(task, resolve)
          }),
        () => rest,
      )
      .catch(({ code }) => void refused.push(`${task} ${code}`))
  const settle = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve()
  }
  return {
    begun,
    refused,
    gate,
    async ask(share: string, ...tasks: string[]) {
      for (const task of tasks) void run(share, task)
      await settle()
    },
    async askResting(share: string, task: string, rest: number) {
      void run(share, task, rest)
      await settle()
    },
    async end(task: string) {
      ends.get(task)?.()
      await settle()
    },
  }
}

interface Bounds {
  readonly concurrency: number
  readonly maxQueued: number
}

it('a share runs so many at once, lets so many wait and is refused the rest; the others are let in beside it', async () => {
  const it = gateOf()
  await it.ask('a', 'a1', 'a2', 'a3', 'a4')
  await it.ask('b', 'b1')
  expect(it.begun).toEqual(['a1', 'b1'])
  expect(it.refused).toEqual(['a4 queue_full'])
  await it.end('a1')
  await it.end('b1')
  expect(it.begun).toEqual(['a1', 'b1', 'a2'])
})

it('the shares that wait take turns', async () => {
  const it = gateOf({ concurrency: 1 })
  await it.ask('a', 'a1', 'a2', 'a3')
  await it.ask('b', 'b1', 'b2')
  await it.ask('c', 'c1')
  for (const task of ['a1', 'b1', 'c1', 'a2', 'b2']) await it.end(task)
  expect(it.begun.join(' ')).toBe('a1 b1 c1 a2 b2 a3')
})

it('who comes to a full queue takes the last place of whoever has most of them, never of its equals', async () => {
  const it = gateOf({ concurrency: 1, maxQueued: 3 })
  await it.ask('a', 'a1', 'a2', 'a3')
  await it.ask('b', 'b1')
  await it.ask('c', 'c1')
  expect(it.refused).toEqual(['a3 queue_full'])
  await it.ask('d', 'd1')
  expect(it.refused).toEqual(['a3 queue_full', 'd1 queue_full'])
  for (const task of ['a1', 'b1', 'c1']) await it.end(task)
  expect(it.begun.join(' ')).toBe('a1 b1 c1 a2')
})

it('what has waited too long is refused, and its place is free', async () => {
  vi.useFakeTimers()
  const it = gateOf()
  await it.ask('a', 'a1', 'a2', 'a3')
  await vi.advanceTimersByTimeAsync(999)
  expect(it.refused).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(it.refused).toEqual(['a2 queue_full', 'a3 queue_full'])
  await it.ask('a', 'a4')
  await it.end('a1')
  expect(it.begun).toEqual(['a1', 'a4'])
})

it('a share that rests keeps its place and nobody else’s', async () => {
  vi.useFakeTimers()
  const it = gateOf({ concurrency: 1 })
  await it.askResting('a', 'a1', 500)
  await it.ask('a', 'a2')
  await it.ask('b', 'b1')
  await it.end('a1')
  await it.end('b1')
  expect(it.begun).toEqual(['a1', 'b1'])
  await vi.advanceTimersByTimeAsync(499)
  expect(it.begun).toEqual(['a1', 'b1'])
  await vi.advanceTimersByTimeAsync(1)
  expect(it.begun).toEqual(['a1', 'b1', 'a2'])
})

it('a task that fails leaves its place; a gate that closes refuses all that wait or come', async () => {
  const { gate, ...it } = gateOf({ concurrency: 1 })
  await expect(gate.run('a', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  await it.ask('a', 'a1', 'a2')
  await it.ask('b', 'b1')
  gate.close()
  await it.ask('c', 'c1')
  expect(it.begun).toEqual(['a1'])
  expect(it.refused.sort()).toEqual(['a2 closed', 'b1 closed', 'c1 closed'])
})
