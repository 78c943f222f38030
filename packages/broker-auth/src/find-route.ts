import type { BrokerRoute } from './brokers/broker-adapter.js'

export interface FoundRoute {
  readonly route: BrokerRoute
  /** The first level of the path, for brokers that cannot set a header; null: the path is the route alone. */
  readonly secret: string | null
}

/** Finds `/emqx/authn` and `/<secret>/emqx/authn`, with or without a slash at the end. Null: there is no such endpoint. */
export function createRouter(routes: readonly BrokerRoute[]): (path: string) => FoundRoute | null {
  const byPath = new Map(routes.map((route) => [route.path, route]))

  return (encoded) => {
    // An escaped slash stays escaped: it separates no levels.
    const path = encoded.includes('%') ? decode(encoded.replaceAll('%25', '%2525'), decodeURI) : encoded
    const wanted = path.endsWith('/') ? path.slice(0, -1) : path
    const direct = byPath.get(wanted)
    if (direct !== undefined) return { route: direct, secret: null }
    const end = wanted.indexOf('/', 1)
    if (end <= 1) return null
    const route = byPath.get(wanted.slice(end))
    if (route === undefined) return null
    const secret = wanted.slice(1, end)
    return { route, secret: secret.includes('%') ? decode(secret, decodeURIComponent) : secret }
  }
}

/** An invalid escape stays as it is. */
function decode(text: string, by: (text: string) => string): string {
  try {
    return by(text)
  } catch {
    return text
  }
}
