import { closeSync, openSync, writeSync } from 'node:fs'

/** The broker's answers to the messages of a ledger publisher, by key. */
export interface Ledger {
  /** Keys of the messages the broker acknowledged: it has promised to deliver these. */
  readonly acknowledged: ReadonlySet<string>
  /** Keys of the messages the broker refused (MQTT 5), with the reason code of the PUBACK. */
  readonly refused: ReadonlyMap<string, number>
}

export interface WritableLedger extends Ledger {
  acknowledge(keys: readonly string[]): void
  refuse(key: string, reasonCode: number): void
  close(): void
}

/** Creates a ledger in memory and, if named, in a file: a line for each key, written before the key shows in memory. */
export function createLedger(file?: string): WritableLedger {
  const acknowledged = new Set<string>()
  const refused = new Map<string, number>()
  let descriptor = file === undefined ? undefined : openSync(file, 'a')
  return {
    acknowledged,
    refused,
    acknowledge(keys) {
      if (keys.length === 0) return
      if (descriptor !== undefined) writeSync(descriptor, `${keys.join('\n')}\n`)
      for (const key of keys) acknowledged.add(key)
    },
    refuse: (key, reasonCode) => void refused.set(key, reasonCode),
    close() {
      if (descriptor !== undefined) closeSync(descriptor)
      descriptor = undefined
    },
  }
}
