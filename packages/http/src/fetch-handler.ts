/** What the surface that received a request knows of it beside the request. */
export interface RequestInfo {
  /** The address of the socket's other end: of the client, or of the proxy before it. */
  readonly remoteAddress?: string | undefined
}

/** An HTTP surface: answers every request, also what it does not know (404) and whom it does not know (401). */
export type FetchHandler = (request: Request, info?: RequestInfo) => Promise<Response>
