import { appendFileSync } from 'node:fs'
import { openOutbox } from '../outbox/outbox.js'

// Run as a process of its own, so that it can be killed while it records.
const [folder = '', ledger = '', first = '0'] = process.argv.slice(2)
const outbox = await openOutbox({
  folder,
  maxBytes: 64 << 20,
  drop: 'oldest',
  maxQueued: 10_000,
  maxQueuedBytes: 16 << 20,
  onError: (error) => console.error(error.message),
})
let next = Number(first)
// Many at a time, so that the kill hits groups of every size.
async function record(): Promise<void> {
  for (;;) {
    const own = next++
    await outbox.append([Buffer.from(JSON.stringify({ own, text: 'x'.repeat(own % 500) }))])
    appendFileSync(ledger, `${own}\n`)
  }
}
await Promise.all(Array.from({ length: 20 }, record))
