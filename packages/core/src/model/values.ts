/** A value as every database holds it: times as epoch milliseconds, JSON and places as JSON text. */
export type StoredValue = number | string | boolean | Uint8Array | null

/** What JSON can say. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue }
