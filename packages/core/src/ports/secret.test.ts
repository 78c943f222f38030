import { format, inspect } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { expect, test } from 'vitest'
import { secretOf } from './secret.js'

test('a secret is shown to who asks for it, and to nobody else', () => {
  const secret = secretOf({ password: 'open sesame' })
  expect(secret.reveal()).toEqual({ password: 'open sesame' })
  const event = { device: 'd', credentials: secret }
  const shown = [
    inspect(event, { depth: null, showHidden: true }),
    inspect(event, { customInspect: false, depth: null, showHidden: true }),
    format('%s %o %O %j', secret, secret, secret, secret),
    JSON.stringify(event),
    `${secret}`,
    `${String(secret)} ${[secret]}`,
    JSON.stringify({ ...secret, keys: Object.entries(secret), names: Reflect.ownKeys(secret) }),
    inspect(structuredClone(secret)),
    inspect(deserialize(serialize(event))),
  ]
  for (const text of shown) expect(text).not.toContain('sesame')
  expect(JSON.stringify(event)).toBe('{"device":"d","credentials":"[secret]"}')
  expect(inspect(event)).toBe("{ device: 'd', credentials: [secret] }")
  expect(() => Object.assign(secret, { reveal: () => 'else' })).toThrow(TypeError)
})
