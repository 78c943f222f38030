import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PostgresService, startPostgres } from '@devicehub/test-kit'
import { prepareDatabase, type Target } from './database.js'

/** The database of a case, with its tables and devices; SQLite needs no server. */
export interface Stage extends AsyncDisposable {
  readonly target: Target
  readonly postgres: PostgresService | null
}

export async function prepareStage(kind: Target['kind']): Promise<Stage> {
  if (kind === 'postgres') {
    const postgres = await startPostgres()
    const { url } = await postgres.createDatabase()
    const target: Target = { kind, url }
    await prepareDatabase(target)
    return { target, postgres, [Symbol.asyncDispose]: () => postgres.close() }
  }
  const folder = mkdtempSync(join(tmpdir(), 'devicehub-faults-'))
  const target: Target = { kind, file: join(folder, 'hub.db') }
  await prepareDatabase(target)
  return {
    target,
    postgres: null,
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  }
}
