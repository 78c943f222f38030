/** Cuts samples that are encoded already into messages that keep to both bounds; a larger sample makes one of its own. */
export function splitBatch<Sample>(
  samples: readonly Sample[],
  bounds: {
    readonly maxSamples: number
    readonly maxBytes: number
    readonly sizeOf: (sample: Sample) => number
  },
): Sample[][] {
  const batches: Sample[][] = []
  let batch: Sample[] = []
  let bytes = 0
  for (const sample of samples) {
    const size = bounds.sizeOf(sample) + 1
    if (batch.length > 0 && (batch.length === bounds.maxSamples || bytes + size > bounds.maxBytes)) {
      batches.push(batch)
      batch = []
      bytes = 0
    }
    batch.push(sample)
    bytes += size
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}
