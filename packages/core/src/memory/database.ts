import { MemoryClaims } from './claims.js'
import { MemoryCommands } from './commands.js'
import { MemoryConsumers } from './consumers.js'
import { MemoryCredentials } from './credentials.js'
import { MemoryLeases } from './leases.js'
import { MemoryTelemetry, type TelemetryBounds } from './telemetry.js'
import { MemoryTwins } from './twins.js'

export interface MemoryBounds extends TelemetryBounds {
  readonly maxCommands: number
}

/** All data of one `memoryStorage()`, shared by everything it opens. */
export class MemoryDatabase {
  readonly leases = new MemoryLeases()
  readonly consumers = new MemoryConsumers()
  readonly commands = new MemoryCommands()
  readonly twins = new MemoryTwins()
  readonly credentials = new MemoryCredentials()
  readonly claims = new MemoryClaims(this.credentials)
  readonly telemetry: MemoryTelemetry
  readonly #maxCommands: number
  #droppedCommands = 0

  constructor(bounds: MemoryBounds) {
    this.telemetry = new MemoryTelemetry(bounds, (typeKey, position) =>
      this.consumers.messageRemoved(typeKey, position),
    )
    this.#maxCommands = bounds.maxCommands
  }

  get dropped() {
    return { ...this.telemetry.dropped, commands: this.#droppedCommands }
  }

  /** Invariant 5: past a bound the oldest go, and `dropped` counts them. */
  dropOverflow(): void {
    this.telemetry.dropOverflow()
    if (this.commands.size > this.#maxCommands)
      this.#droppedCommands += this.commands.removeFinished(() => this.commands.size > this.#maxCommands)
  }
}
