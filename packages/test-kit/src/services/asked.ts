// Loaded before each test file, so it imports nothing: loading core there took longer than most files' tests.

const asked = new Set<string>()
let refusing = false

/**
 * For a vitest setup file: from then on a test that starts a server which no suite asked for fails, on every machine
 * and not only where the server is missing.
 */
export function refuseUnasked(): void {
  refusing = true
}

/** `describeWith` has looked for it, and skips the suite where it is missing. */
export const markAsked = (owner: string): void => void asked.add(owner)

export const isRefused = (owner: string): boolean => refusing && !asked.has(owner)
