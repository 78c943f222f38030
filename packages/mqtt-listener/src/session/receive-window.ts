import { createCondition } from '@devicehub-internal/async'
import type { BrokerCounters } from '../reporting/counters.js'

/** The reader of the present connection. It holds a message while the window has no room. */
export interface WindowReader {
  readonly continueReading: () => void
}

/** Bounds how many messages of QoS 1 and 2 a session may have received and not acknowledged, over all its connections. */
export interface ReceiveWindow {
  /** Messages in the window. */
  readonly size: number
  /** Messages that have left the window so far. */
  readonly released: number
  readonly isPaused: boolean
  /** False while the window is full or paused. */
  readonly hasRoom: boolean
  add(): void
  release(count: number): void
  /** Leaves no room until `resume()`. */
  pause(): void
  resume(): void
  /** Resolves when the window is empty. */
  whenEmpty(): Promise<void>
  /** This reader is told when there is room again. It takes the place of the one before. */
  setReader(reader: WindowReader): void
  removeReader(reader: WindowReader): void
}

export function createReceiveWindow(
  capacity: number,
  counters: Pick<BrokerCounters, 'peakInFlight'>,
): ReceiveWindow {
  let size = 0
  let released = 0
  let paused = false
  let reader: WindowReader | null = null
  const condition = createCondition()

  const hasRoom = () => size < capacity && !paused

  function tellReader(): void {
    if (hasRoom()) reader?.continueReading()
  }

  return {
    get size() {
      return size
    },
    get released() {
      return released
    },
    get isPaused() {
      return paused
    },
    get hasRoom() {
      return hasRoom()
    },
    add() {
      size++
      if (size > counters.peakInFlight) counters.peakInFlight = size
    },
    release(count) {
      size -= count
      released += count
      tellReader()
      condition.check()
    },
    pause() {
      paused = true
    },
    resume() {
      paused = false
      tellReader()
    },
    whenEmpty: () => condition.when(() => size === 0),
    setReader(next) {
      reader = next
    },
    removeReader(former) {
      if (reader === former) reader = null
    },
  }
}
