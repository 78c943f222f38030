import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describeWith } from '@devicehub/test-kit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStage, Sensor } from './provision-stage.js'

const script = fileURLToPath(new URL('./import-process.ts', import.meta.url))

describeWith(['sqlite'], 'bulk import into SQLite', () => {
  imports(async (folder) => join(folder, 'devices.db'))
})
describeWith(['postgres'], 'bulk import into PostgreSQL', ({ postgres }) => {
  imports(async () => (await postgres().createDatabase()).url)
})

interface Secret {
  readonly deviceId: string
  readonly username: string
  readonly password: string
}

/** Whole lines only: a crash may have cut the last one. */
async function secretsOf(...files: string[]): Promise<Secret[]> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  return texts.flatMap((text) =>
    text
      .split('\n')
      .slice(1, -1)
      .map((line) => line.split(','))
      .map(([deviceId = '', , , username = '', password = '']) => ({ deviceId, username, password })),
  )
}

function imports(createDatabase: (folder: string) => Promise<string>): void {
  let folder: string
  let database: string
  const children = new Set<ChildProcess>()
  const file = (name: string) => join(folder, name)

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devicehub-import-'))
    database = await createDatabase(folder)
    await using stage = openStage(database)
    await stage.hub.storage.migrate()
  })
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL')
    children.clear()
    await rm(folder, { recursive: true })
  })

  async function writeSource(count: number): Promise<string> {
    const rows = Array.from({ length: count }, (_, index) => `D-${index},Device ${index},${index % 100}`)
    await writeFile(file('in.csv'), ['device_id,name,level', ...rows].join('\n'))
    return file('in.csv')
  }

  function run(...args: string[]) {
    const child = spawn(process.execPath, ['--import', 'tsx', script, database, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.add(child)
    const lines = createInterface({ input: child.stdout })
    return { child, line: once(lines, 'line').then(([line]) => line as string), ended: once(child, 'exit') }
  }

  async function report(...args: string[]) {
    const { line, ended } = run(...args)
    const result = JSON.parse(await line) as Record<string, number>
    await ended
    return result
  }

  /** The devices there are, and those of them whose secret in these files is good. */
  async function check(...files: string[]) {
    await using stage = openStage(database)
    const { hub, provisioner } = stage
    const ids: string[] = []
    let cursor: string | undefined
    do {
      const page = await hub.devices.list(Sensor, { limit: 1_000, cursor })
      ids.push(...page.items.map(({ deviceId }) => deviceId))
      cursor = page.cursor ?? undefined
    } while (cursor !== undefined)
    const verified = await Promise.all(
      (await secretsOf(...files)).map(async ({ deviceId, ...login }) =>
        (await provisioner.verify(login))?.deviceId === deviceId ? [deviceId] : [],
      ),
    )
    return { devices: ids.sort(), good: verified.flat().sort() }
  }

  test('each of two processes that import one file at a time reports, and has the secrets of, what it created', async () => {
    const source = await writeSource(3_000)
    const reports = await Promise.all([report(source, file('1.csv')), report(source, file('2.csv'))])
    for (const each of reports)
      expect([(each.created ?? 0) + (each.existing ?? 0), each.failed]).toEqual([3_000, 0])
    expect(reports.reduce((sum, { created = 0 }) => sum + created, 0)).toBe(3_000)
    const [one, two] = [await secretsOf(file('1.csv')), await secretsOf(file('2.csv'))]
    expect([one.length, two.length]).toEqual(reports.map(({ created }) => created))
    const { devices, good } = await check(file('1.csv'), file('2.csv'))
    expect(devices).toHaveLength(3_000)
    expect(good).toEqual(devices)
  })

  test('SIGKILL around a commit leaves no device whose secret is not on disk, and a second run completes it', async () => {
    const source = await writeSource(2_000)
    for (const [index, hold] of ['after', 'before'].entries()) {
      const { child, line, ended } = run(source, file(`${index}.csv`), hold, '2')
      expect(await line).toBe('hanging')
      child.kill('SIGKILL')
      await ended
    }
    const files = [file('0.csv'), file('1.csv')]
    const crashed = await check(...files)
    // Two batches of the first process, one of the second.
    expect(crashed.devices).toHaveLength(1_500)
    expect(crashed.good).toEqual(crashed.devices)

    expect(await report(source, file('2.csv'))).toMatchObject({ created: 500, existing: 1_500, failed: 0 })
    const complete = await check(...files, file('2.csv'))
    expect(complete.devices).toHaveLength(2_000)
    expect(complete.good).toEqual(complete.devices)
  })

  test('3,000 devices twice: the second run changes nothing', async () => {
    const source = await writeSource(3_000)
    const first = await report(source, file('1.csv'))
    expect(first).toMatchObject({ created: 3_000, failed: 0 })
    const second = await report(source, file('2.csv'))
    expect(second).toMatchObject({ created: 0, existing: 3_000, rotated: 0, failed: 0 })
    expect(await secretsOf(file('2.csv'))).toEqual([])
    if (process.env.DEVICEHUB_FIGURES) console.log(first.seconds, first.rssMb, second.seconds, second.rssMb)
    const { devices, good } = await check(file('1.csv'))
    expect(devices).toHaveLength(3_000)
    expect(good).toEqual(devices)
  })
}
