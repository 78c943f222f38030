// Loaded before each test file, so it imports nothing: loading core would take longer than most test files.

const asked = new Set<string>()
let refusing = false

/**
 * For a vitest setup file: from then on, a test fails when it starts a server that no `describeWith` of its file
 * asked for. It fails on every machine, not only where that server is missing.
 *
 * @example
 * import { refuseUnasked } from '@devicehub/test-kit'
 *
 * refuseUnasked()
 */
export function refuseUnasked(): void {
  // Without isolation the files of a worker share this module: what an earlier one asked for is no answer for the next.
  asked.clear()
  refusing = true
}

/** Called by `describeWith`: the suite is skipped where the service is missing. */
export const markAsked = (owner: string): void => void asked.add(owner)

export const isRefused = (owner: string): boolean => refusing && !asked.has(owner)
