import { expect, test } from 'vitest'
import { describeDatabases } from '../testing/describe-databases.js'
import { openStorages } from '../testing/opened-storage.js'
import { batch, entry, Meter, Station } from '../testing/rows.js'

const REFUSED = {
  code: 'invalid_query',
  message: expect.stringContaining('The cursor of the log is not one'),
}
const TYPES = [Station, Meter, null] as const

/** Numbers that JavaScript or a database would read, in a writing that no cursor has. */
const rewritten = (id: string): string[] => [
  `0${id}`,
  `00${id}`,
  `-${id}`,
  `+${id}`,
  ` ${id}`,
  `${id} `,
  `${id}n`,
  `${id}e0`,
  `${id}.0`,
  `0x${id}`,
  '-0',
  '',
  '1'.repeat(17),
  '٣',
]

/** The cursor with each of its numbers in each of these writings. */
function othersOf(cursor: string): string[] {
  // PostgreSQL: `x:transaction.id.table`. The others: `p:type=id,type=id`.
  const numbers = cursor.startsWith('x:') ? /(?<=^x:|^x:\d+\.)\d+/g : /(?<==)\d+/g
  return Array.from(cursor.matchAll(numbers), ({ 0: id, index }) =>
    rewritten(id).map((other) => cursor.slice(0, index) + other + cursor.slice(index + id.length)),
  ).flat()
}

describeDatabases('a cursor of the log', (openDatabase) => {
  test('whose numbers are written in another way is refused, and goes nowhere', async () => {
    await using storages = await openStorages(await openDatabase(), [Station, Meter])
    const storage = storages.open()
    await storage.commit(batch([entry(Station, 'a'), entry(null, 'b')]))
    const { cursor, messages } = await storage.log.read(TYPES, null, 10)
    expect(messages).toHaveLength(2)
    expect(await storage.log.count(TYPES, cursor, 10)).toBe(0)
    const wrong = [
      ...othersOf(cursor),
      `${cursor[0] === 'x' ? 'p' : 'x'}${cursor.slice(1)}`,
      cursor.toUpperCase(),
      ` ${cursor}`,
      ...(cursor.startsWith('p:')
        ? [`${cursor},`, `${cursor},${cursor.slice(2)}`, 'p:=1', 'p:-']
        : ['x:1.1', 'x:1']),
    ]
    expect(wrong.length).toBeGreaterThan(30)
    for (const each of wrong) {
      await expect(storage.log.read(TYPES, each, 10), each).rejects.toMatchObject(REFUSED)
      await expect(storage.log.count(TYPES, each, 10), each).rejects.toMatchObject(REFUSED)
    }
  })
})
