import { createHash, randomBytes } from 'node:crypto'

/**
 * Which ids have come already, in 16 to 32 bytes an id however long they are: an open hash table of fingerprints. Two ids
 * of a million share one of 64 bits once in some 30 million imports; nobody can make them do so, for the salt is random.
 */
export class SeenIds {
  readonly #salt = randomBytes(16)
  #table = new BigUint64Array(1_024)
  #size = 0

  /** False: the id was seen before. */
  add(id: string): boolean {
    if (this.#size * 2 >= this.#table.length) this.#grow()
    const fingerprint = createHash('sha256').update(this.#salt).update(id).digest().readBigUInt64LE() || 1n
    return this.#insert(fingerprint)
  }

  #insert(fingerprint: bigint): boolean {
    const mask = this.#table.length - 1
    for (let at = Number(fingerprint & BigInt(mask)); ; at = (at + 1) & mask) {
      const present = this.#table[at]
      if (present === fingerprint) return false
      if (present !== 0n) continue
      this.#table[at] = fingerprint
      this.#size++
      return true
    }
  }

  #grow(): void {
    const before = this.#table
    this.#table = new BigUint64Array(before.length * 2)
    this.#size = 0
    for (const fingerprint of before) if (fingerprint !== 0n) this.#insert(fingerprint)
  }
}
