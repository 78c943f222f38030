import type { ControlCommand } from './commands.js'
import type { ControlAnswer } from './control-answer.js'
import type { ControlLink } from './control-link.js'

/** The broker does nothing else while it works on one publication, and it writes its store for each command. */
const MAX_COMMANDS = 4
const MAX_BYTES = 64 * 1024

/**
 * Asks some commands for each item, many items in one publication; the answers are in the order of the items. The
 * commands of an item are done in their order, also when one of them fails.
 */
export async function askEach<T>(
  link: ControlLink,
  items: readonly T[],
  commandsFor: (item: T) => readonly ControlCommand[],
): Promise<{ item: T; answers: readonly ControlAnswer[] }[]> {
  const results: { item: T; answers: readonly ControlAnswer[] }[] = []
  let batch: { item: T; commands: readonly ControlCommand[] }[] = []
  let bytes = 0

  const flush = async () => {
    const commands = batch.flatMap((each) => each.commands)
    const answers = commands.length === 0 ? [] : await link.ask(commands)
    let at = 0
    for (const { item, commands } of batch) {
      results.push({ item, answers: answers.slice(at, at + commands.length) })
      at += commands.length
    }
    batch = []
    bytes = 0
  }

  for (const item of items) {
    const commands = commandsFor(item)
    const size = Buffer.byteLength(JSON.stringify(commands))
    const count = batch.reduce((sum, each) => sum + each.commands.length, commands.length)
    if (batch.length > 0 && (count > MAX_COMMANDS || bytes + size > MAX_BYTES)) await flush()
    batch.push({ item, commands })
    bytes += size
  }
  await flush()
  return results
}
