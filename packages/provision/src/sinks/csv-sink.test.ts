import { appendFile, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { beforeEach, expect, it } from 'vitest'
import { csvSink } from './csv-sink.js'
import { remove, set, sinkDevice, stream } from './testing/fleet.js'

const a = sinkDevice('station', 'a')
const b = sinkDevice('station', 'b')

let file: string
beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'devicehub-csv-'))
  file = join(folder, 'credentials.csv')
  return () => rm(folder, { recursive: true })
})
const rows = async () => parse(await readFile(file, 'utf8'), { columns: true }) as Record<string, string>[]
const users = async () => (await rows()).map((row) => `${row.change} ${row.username}`)

it('appends a private line a change, under one header', async () => {
  await csvSink({ file }).apply([set(a, '-x_Y'), set(b, 'with,comma"and quote')])
  await csvSink({ file }).apply([remove(a.username)])
  await csvSink({ file }).apply([])
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const device = { username: 'station-a', client_id: 'station-a', device_type: 'station', device_id: 'a' }
  expect(await rows()).toMatchObject([
    { change: 'set', password: '-x_Y', ...device },
    { change: 'set', password: 'with,comma"and quote', username: 'station-b' },
    { change: 'removed', password: '', username: 'station-a' },
  ])
})

it.skipIf(process.platform === 'win32')(
  'writes and reads through no symbolic link, whether something is behind it or not',
  async () => {
    const refused = {
      code: 'sink_failed',
      message: `${file} is a symbolic link; secrets are not written there. Name the file that it points to`,
    }
    const target = `${file}.target`
    await symlink(target, file)
    await expect(csvSink({ file }).apply([set(a, 'p')])).rejects.toMatchObject(refused)
    await expect(stat(target)).rejects.toMatchObject({ code: 'ENOENT' })
    await csvSink({ file: target }).apply([set(a, 'p')])
    const before = await readFile(target, 'utf8')
    await expect(csvSink({ file }).apply([set(b, 'p')])).rejects.toMatchObject(refused)
    await expect(csvSink({ file }).sync(stream(a))).rejects.toMatchObject(refused)
    expect(await readFile(target, 'utf8')).toBe(before)
  },
)

it('refuses what a spreadsheet would run, never changes it, and writes the rest', async () => {
  const bad = ['=1+1', '+1', '@SUM(A1)', '-1+cmd|x', '\t=1', '\r=1', 'line\nbreak']
  const changes = bad.map((password, index) => set({ ...a, username: `p${index}` }, password))
  const error = await csvSink({ file })
    .apply([...changes, set({ ...a, username: '=user' }, 'p'), set(b, 'fine')])
    .catch((error) => error)
  expect(error.code).toBe('sink_failed')
  expect(error.details.users).toEqual(['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6', '=user'])
  expect(`${error.stack}${JSON.stringify(error)}`).not.toContain('SUM')
  expect(await users()).toEqual(['set station-b'])
})

it('cuts off half a line that a killed process left', async () => {
  await csvSink({ file }).apply([set(a, 'p')])
  await appendFile(file, '2026-01-01T00:00:00.000Z,set,"half')
  await csvSink({ file }).apply([set(b, 'p')])
  expect(await users()).toEqual(['set station-a', 'set station-b'])
  await writeFile(file, 'time,cha')
  await csvSink({ file }).apply([set(b, 'p')])
  expect(await users()).toEqual(['set station-b'])
})

it('sinks that append at once lose nothing', async () => {
  const sinks = [csvSink({ file }), csvSink({ file })]
  const fleet = Array.from({ length: 30 }, (_, index) => sinkDevice('pump', `${index}`))
  await Promise.all(fleet.map((device, index) => sinks[index % 2]?.apply([set(device, 'p')])))
  expect((await users()).sort()).toEqual(fleet.map(({ username }) => `set ${username}`).sort())
})

it('sync removes superfluous users and names those that are missing', async () => {
  const sink = csvSink({ file })
  const c = sinkDevice('station', 'c')
  await sink.apply([set(a, 'p'), set(b, 'p'), remove(b.username)])
  const report = await sink.sync(stream(b, c))
  expect(report).toEqual({
    sink: 'csv',
    devices: 2,
    repaired: [],
    removed: ['station-a'],
    withoutPassword: ['station-b', 'station-c'],
  })
  expect((await users()).at(-1)).toBe('removed station-a')
  expect(await sink.sync(stream(b, c))).toMatchObject({ removed: [] })
  expect(await rows()).toHaveLength(4)
})

it('a device that is issued while sync runs is no stray', async () => {
  const other = csvSink({ file })
  async function* slow() {
    yield a
    await other.apply([set(b, 'p')])
  }
  expect(await csvSink({ file }).sync(slow())).toMatchObject({ removed: [], withoutPassword: ['station-a'] })
})

it('names what is wrong with the file, without a password; after close() it refuses changes', async () => {
  await writeFile(file, 'time,change\n1,"hidden"x,2\n')
  const sink = csvSink({ file })
  const error = await sink.sync(stream(a)).catch((error) => error)
  expect(error.code).toBe('sink_failed')
  expect(`${error.stack}${JSON.stringify(error)}${error.cause}`).not.toContain('hidden')
  const nowhere = csvSink({ file: join(file, 'x') })
  await expect(nowhere.apply([set(a, 'p')])).rejects.toMatchObject({ code: 'sink_failed' })
  await sink.close()
  await expect(sink.apply([set(a, 'p')])).rejects.toMatchObject({ code: 'closed' })
  expect(() => csvSink({ file: '' })).toThrow(expect.objectContaining({ code: 'invalid_options' }))
})

it('never cuts what it did not write: another file is refused unchanged, a last line without its end is kept', async () => {
  for (const foreign of ['precious', 'device_id,name\nA,Roof\n', 'device_id,name\nA,Roof']) {
    await writeFile(file, foreign)
    await expect(csvSink({ file }).apply([set(a, 'p')])).rejects.toMatchObject({ code: 'sink_failed' })
    expect(await readFile(file, 'utf8')).toBe(foreign)
  }
  await rm(file)
  await csvSink({ file }).apply([set(a, 'p')])
  // As an editor saves it.
  await writeFile(file, (await readFile(file, 'utf8')).trimEnd())
  await csvSink({ file }).apply([set(b, 'p')])
  expect(await users()).toEqual(['set station-a', 'set station-b'])
})
