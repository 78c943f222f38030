import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import * as kit from '../index.js'

const REPOSITORY = fileURLToPath(new URL('../../../../', import.meta.url))

// Aedes is a library, so it is always there; nothing else called start... starts a server.
const STARTERS = Object.keys(kit).filter((name) => /^start[A-Z]/.test(name) && name !== 'startAedes')

interface Finding {
  readonly path: string
  readonly message: string
}

/** What this repository's linter says of files with these lines, by path. */
function lint(files: Readonly<Record<string, string>>): readonly Finding[] {
  const folder = mkdtempSync(join(tmpdir(), 'devicehub-lint-'))
  try {
    cpSync(join(REPOSITORY, 'biome.json'), join(folder, 'biome.json'))
    for (const [path, line] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), `${line}\n`)
    }
    const biome = join(REPOSITORY, 'node_modules/@biomejs/biome/bin/biome')
    const args = ['lint', '--only=style/noRestrictedImports', '--vcs-enabled=false', '--reporter=json', '.']
    const { stdout, stderr } = spawnSync(process.execPath, [biome, ...args], {
      cwd: folder,
      encoding: 'utf8',
    })
    const found = JSON.parse(stdout) as { diagnostics: { message: string; location: { path: string } }[] }
    if (found.diagnostics === undefined) throw new Error(stderr)
    return found.diagnostics.map(({ message, location }) => ({ message, path: location.path }))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe('a test cannot start a server without asking whether it is there', () => {
  it('the linter refuses to import what starts one, wherever tests and their helpers are', () => {
    const refused: Record<string, string> = {
      'packages/client/src/x.test.ts': `import { startMosquitto as start } from '@devicehub/test-kit'`,
      'packages/storage-kysely/src/testing/x.ts': `import { startPostgres } from '@devicehub/test-kit'`,
      'packages/storage-kysely/src/schema/testing/x.ts': `import { startMariadb } from '@devicehub/test-kit'`,
      'packages/test-kit/src/contracts/x.ts': `import { startMosquitto } from '../services/mosquitto.js'`,
      'packages/provision/src/x.test.ts': `import { createCertificates } from '@devicehub/test-kit'`,
      'packages/broker-auth/src/testing/x.ts': `import { isInstalled } from '@devicehub/test-kit'`,
      'e2e/commands/stage.ts': `import { startRedis } from '@devicehub/test-kit'`,
      'e2e/x.test.ts': `import { openStage } from './faults/stage.js'`,
      'examples/minimal/x.test.ts': `import { startHiveMq } from '@devicehub/test-kit'`,
    }
    expect(STARTERS.length).toBeGreaterThan(5)
    for (const name of STARTERS)
      refused[`packages/mqtt-listener/src/${name}.test.ts`] = `import { ${name} } from '@devicehub/test-kit'`
    const allowed = {
      'e2e/faults/stage.ts': `import { startPostgres } from '@devicehub/test-kit'`,
      'packages/client/src/y.test.ts': `import { startAedes, describeWith } from '@devicehub/test-kit'`,
    }
    const found = lint({ ...refused, ...allowed })
    expect(found.map(({ path }) => path).toSorted()).toEqual(Object.keys(refused).toSorted())
    for (const { message } of found) expect(message).toContain('describeWith')
  })

  // No linter sees through this one.
  it.each(STARTERS)('%s refuses while no suite of the file has asked', async (name) => {
    const start = (kit as unknown as Record<string, () => Promise<unknown>>)[name]
    await expect((async () => start?.())()).rejects.toMatchObject({
      code: 'invalid_options',
      message: expect.stringMatching(/no suite of this file asks for \w+: declare it with describeWith/),
    })
  })
})
