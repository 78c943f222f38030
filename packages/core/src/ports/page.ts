export interface Page<T> {
  readonly items: readonly T[]
  /** For the next page; null at the end. */
  readonly cursor: string | null
}

export interface PageRequest {
  readonly limit: number
  readonly cursor?: string | undefined
}
