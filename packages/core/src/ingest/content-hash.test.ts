import { expect, test } from 'vitest'
import { contentHash, nameSeeds } from './content-hash.js'

const seeds = nameSeeds(['a', 'b', 'c'])

test('the hash of what is stored does not change from release to release', () => {
  expect(contentHash(seeds, [1.5, 'x', null])).toBe(8_518_910_483_821_016)
  expect(contentHash(seeds, [1.5, 'x', null], 1_777_629_600_123, 'id-1')).toBe(3_196_319_599_111_293)
  expect(contentHash(seeds, [true, new Uint8Array([1, 2]), -1], 5)).toBe(132_309_429_787_439)
})

test('every part counts, and none passes for another', () => {
  const hashes = [
    contentHash(seeds, [1, null, null]),
    contentHash(seeds, [null, 1, null]),
    contentHash(seeds, [1, null, null], 1),
    contentHash(seeds, [1, null, null], null, '1'),
    contentHash(seeds, [1, null, null], null, null, '1'),
    contentHash(seeds, [1, null, null], null, null, '0001'),
    contentHash(seeds, [1, null, null], 1, '1', '0001'),
  ]
  expect(new Set(hashes).size).toBe(hashes.length)
})
