export interface Progress {
  /** Sequence number of the first sample that is not done with. An older one costs a redelivery. */
  readonly position: number
  /** Of the next sample to come: each below was on disk. An older one hides that samples were lost. */
  readonly end: number
}

export interface ReadProgress extends Progress {
  /** Whether it is known: not when the file is new, damaged, or of a version that knew the position alone. */
  readonly exact: boolean
  /** Whether something is there that says nothing. */
  readonly damaged: boolean
}
