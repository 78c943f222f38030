/** What a plain handler answers: a `Response` without its streams. */
export interface PlainResponse {
  /** The HTTP status: 200, 404, ... */
  readonly status: number
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string>>
  /** Null: none. */
  readonly body: string | null
}

export const toResponse = ({ status, headers, body }: PlainResponse): Response =>
  new Response(body, { status, headers })
