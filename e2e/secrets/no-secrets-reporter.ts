import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { UserConsoleLog } from 'vitest'
import type { Reporter, TestCase } from 'vitest/node'
import { createSecretFinder } from './find-secrets.js'

/**
 * Fails a run that printed a secret it made (invariant 8): in what the code and the tests log, and in the errors of
 * tests. `record-secrets.ts` notes the secrets.
 */
export default class NoSecretsReporter implements Reporter {
  readonly #folder = mkdtempSync(join(tmpdir(), 'devicehub-secrets-'))
  readonly #printed: string[] = []

  onInit(): void {
    process.env.DEVICEHUB_TEST_SECRETS = this.#folder
  }

  onUserConsoleLog({ content }: UserConsoleLog): void {
    this.#printed.push(content)
  }

  onTestCaseResult(test: TestCase): void {
    for (const { message, stack, diff } of test.result().errors ?? [])
      this.#printed.push(`${message}\n${stack ?? ''}\n${diff ?? ''}`)
  }

  onTestRunEnd(): void {
    const secrets = readdirSync(this.#folder).flatMap((name) =>
      readFileSync(join(this.#folder, name), 'utf8').trim().split('\n'),
    )
    rmSync(this.#folder, { recursive: true, force: true })
    if (secrets.length === 0) return
    const found = createSecretFinder(secrets)(this.#printed.join('\n'))
    if (found.length > 0) {
      process.exitCode = 1
      console.error(
        `\n${found.length} secrets that the tests made are in the output, for example: ${found[0]}`,
      )
    } else
      console.log(`\n${secrets.length / 2} secrets were made by the tests; none of them is in the output.`)
  }
}
