/** How much of a secret counts as the secret: a part of it would do. */
const PART = 20

/** Finds secrets, or the beginning of them, in a text; with a place around each for people to find it by. */
export function createSecretFinder(secrets: readonly string[]): (text: string) => string[] {
  const parts = new Set(
    secrets.filter((secret) => secret.length >= PART).map((secret) => secret.slice(0, PART)),
  )
  return (text) => {
    const found: string[] = []
    for (let at = 0; at + PART <= text.length; at++)
      if (parts.has(text.slice(at, at + PART)))
        found.push(text.slice(Math.max(0, at - 60), at + 6).concat('...'))
    return found
  }
}
