import { expect, it, vi } from 'vitest'
import { describeWith } from './describe-with.js'

// What a project without settings of its own has.
vi.setConfig({ testTimeout: 5000 })

it('a test beside the suites keeps the limit of its project', ({ task }) => {
  expect(task.timeout).toBe(5000)
})

describeWith(['mosquitto'], 'a suite with servers', () => {
  it('gives its tests the time that servers need', ({ task }) => {
    expect(task.timeout).toBe(120_000)
  })

  it('leaves a test the limit it has of its own', { timeout: 7000 }, ({ task }) => {
    expect(task.timeout).toBe(7000)
  })
})
