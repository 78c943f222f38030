import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createSecretFinder } from './find-secrets.js'

test('a secret is found wherever it stands, also its beginning alone; another text is not', () => {
  const secrets = [randomBytes(32).toString('base64url'), randomBytes(32).toString('hex')]
  const find = createSecretFinder(secrets)
  for (const secret of secrets)
    for (const text of [secret, `password=${secret}&x`, `... ${secret.slice(0, 30)}\n`])
      expect(find(text)).toHaveLength(1)
  expect(find(secrets.join(' '))).toHaveLength(2)
  expect(find(`x ${randomBytes(32).toString('base64url')} y`)).toEqual([])
})

test('what is said of a secret that was found does not give it away', () => {
  const secret = randomBytes(32).toString('base64url')
  const [place] = createSecretFinder([secret])(`a line with ${secret} in it`)
  expect(place).toContain('a line with')
  expect(place).not.toContain(secret.slice(0, 10))
})
