import { hidden, satisfies } from './rules.js'

/** A certificate or key, whose text is never shown. A path is a common mistake, and Node would not say so. */
export const pem = hidden(
  satisfies<string | Uint8Array>(
    'the PEM text or its bytes (-----BEGIN ...), not a path: read it with readFileSync',
    (value) =>
      (typeof value === 'string' && value.includes('-----BEGIN ')) ||
      (value instanceof Uint8Array && new TextDecoder('latin1').decode(value).includes('-----BEGIN ')),
  ),
)
