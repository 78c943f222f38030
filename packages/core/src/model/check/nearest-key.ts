/** To go into a sentence: what a misspelt key was probably meant to be, or nothing. */
export function meant(given: string, known: readonly string[]): string {
  const nearest = nearestKey(given, known)
  return nearest === undefined ? '' : `; did you mean ${nearest}?`
}

/** Other words for a key, in small letters: as libraries of the field have them, and its names in version 0.1. */
const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  maxBatch: ['batch', 'batchsize'],
  url: ['host', 'hostname', 'port', 'address', 'server', 'broker', 'brokerurl', 'uri', 'endpoint'],
  topicPrefix: ['prefix'],
  credentials: ['username', 'user', 'password'],
  cleanStart: ['clean', 'cleansession'],
  receiveMaximum: ['window'],
  maxInFlightPublications: ['publishmaximum', 'publishwindow'],
  maxPendingPublications: ['publishqueue'],
  maxQueuedQos0: ['qos0buffer'],
  maxPendingCommands: ['maxrunningcommands'],
  maxQueued: ['maxwaiting', 'limit'],
  concurrency: ['maxrunning'],
  hashConcurrency: ['slowconcurrency'],
  maxQueuedHashes: ['slowwaiting'],
  maxCacheEntries: ['cachemax'],
  endSession: ['leave'],
}

/** The known key that the given one was probably meant to be; undefined when none is close. */
export function nearestKey(given: string, known: readonly string[]): string | undefined {
  const word = given.toLowerCase()
  const same = known.find((key) => SYNONYMS[key]?.includes(word))
  if (same !== undefined) return same
  let best: string | undefined
  // Half of the letters may be wrong at most, or it is another word.
  let least = Math.floor(Math.min(given.length, 40) / 2)
  for (const key of known) {
    const distance = distanceOf(given.toLowerCase().slice(0, 80), key.toLowerCase())
    if (distance > least || (distance === least && best !== undefined)) continue
    best = key
    least = distance
  }
  return best
}

/** One that goes on where the other ends is close: `time` and `timestamp`. */
function distanceOf(given: string, key: string): number {
  const [short, long] = given.length < key.length ? [given, key] : [key, given]
  return short.length >= 3 && long.startsWith(short) ? 1 : editDistance(given, key)
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      let cost = Math.min(
        (last[column] as number) + 1,
        (current[column - 1] as number) + 1,
        (last[column - 1] as number) + (same ? 0 : 1),
      )
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1])
        cost = Math.min(cost, (beforeLast[column - 2] as number) + 1)
      current.push(cost)
    }
    beforeLast = last
    last = current
  }
  return last[to.length] as number
}
