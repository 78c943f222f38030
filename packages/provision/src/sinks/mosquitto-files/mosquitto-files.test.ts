import { spawn } from 'node:child_process'
import {
  chmod,
  chown,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describeWith, type MosquittoService, waitUntil } from '@devicehub/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { accepted, expectIsolated, login } from '../testing/expect-isolated.js'
import { remove, set, sinkDevice, stream } from '../testing/fleet.js'
import { mosquittoFiles } from './mosquitto-files.js'
import type { MosquittoFilesOptions } from './options.js'

const service = { username: 'service', password: 'svc' }
const NOTHING = { repaired: [], removed: [], withoutPassword: [] }
const a = sinkDevice('station', 'a')
const b = sinkDevice('station', 'b')

describeWith({ mosquitto: 'own' }, 'password and ACL files on Mosquitto', ({ mosquitto }) => {
  let broker: MosquittoService
  beforeAll(async () => {
    broker = await mosquitto.start({ users: { service: 'svc' }, acl: ['user service', 'topic readwrite #'] })
  })
  afterAll(() => broker?.close())

  const open = (options: Partial<MosquittoFilesOptions> = {}) =>
    mosquittoFiles({
      passwordFile: broker.passwordFile as string,
      aclFile: broker.aclFile as string,
      reload: { pid: broker.pid as number },
      ...options,
    })
  const works = async (username: string, password: string) => {
    await using client = await login(broker.port, 5, { username, password, clientId: username })
    return accepted(client)
  }
  // The broker reads its files some time after the signal.
  const eventually = (username: string, password: string, expected: boolean) =>
    expect.poll(() => works(username, password), { timeout: 60_000 }).toBe(expected)

  it.each([4, 5] as const)('a device reaches its own topics alone, MQTT %i', async (protocolVersion) => {
    await open().apply([set(a, `secret-${protocolVersion}`), set(b, 'secret-b')])
    const password = `secret-${protocolVersion}`
    await eventually(a.username, password, true)
    const { port } = broker
    await expectIsolated({ port, protocolVersion, device: a, password, service, refusesSubscribe: false })
  })

  it('refuses a wrong password; a rotated one works and the old one does not', async () => {
    await open().apply([set(a, 'old')])
    await eventually(a.username, 'old', true)
    expect(await works(a.username, 'wrong')).toBe(false)
    expect(await works(a.username, '')).toBe(false)
    await open().apply([set(a, 'new')])
    await eventually(a.username, 'new', true)
    expect(await works(a.username, 'old')).toBe(false)
  })

  it('a revoked device is disconnected and cannot come back, and its rules go with it', async () => {
    const sink = open()
    await sink.apply([set(a, 'secret'), set(b, 'secret')])
    await eventually(a.username, 'secret', true)
    await using client = await login(broker.port, 5, { ...a, password: 'secret' })
    await using bystander = await login(broker.port, 5, { ...b, password: 'secret' })
    await sink.apply([remove(a.username)])
    await client.closed
    await eventually(a.username, 'secret', false)
    expect(await readFile(broker.aclFile as string, 'utf8')).not.toContain('station/a')
    expect(await readFile(broker.passwordFile as string, 'utf8')).not.toContain('station-a:')
    await bystander.publish(b.topics.publish[0] as string, 'still here')
    expect(await works('service', 'svc')).toBe(true)
  })

  it('a rule that somebody adds below the section is nobody’s', async () => {
    await open().apply([set(a, 'secret')])
    const file = broker.aclFile as string
    await writeFile(file, `${await readFile(file, 'utf8')}topic readwrite #\n`)
    await open().apply([set(b, 'another')])
    await eventually(b.username, 'another', true)
    await using observer = await login(broker.port, 5, service)
    await observer.subscribe('#')
    const mine = { ...b, password: 'another' }
    await using trying = await login(broker.port, 5, mine)
    await trying.publish('foreign', 'from b').catch(() => {})
    // The broker may have ended the connection over it.
    await using device = await login(broker.port, 5, mine)
    await device.publish(b.topics.publish[0] as string, 'from b')
    expect((await observer.next('publish')).topic).toBe(b.topics.publish[0])
  })

  it('the process id comes from the file that the broker writes', async () => {
    const pidFile = join(broker.folder, 'pid')
    await writeFile(pidFile, `${broker.pid}\n`)
    await open({ reload: { pidFile } }).apply([set(a, 'by file')])
    await eventually(a.username, 'by file', true)
    await writeFile(pidFile, '-1')
    await expect(open({ reload: { pidFile } }).apply([set(a, 'x')])).rejects.toMatchObject({
      code: 'sink_failed',
    })
  })
})

describe('the files', () => {
  let folder: string
  let passwordFile: string
  let aclFile: string
  let reloads: number
  const open = (options: Partial<MosquittoFilesOptions> = {}) =>
    mosquittoFiles({ passwordFile, aclFile, reload: () => void reloads++, ...options })
  const texts = async () => [await readFile(passwordFile, 'utf8'), await readFile(aclFile, 'utf8')] as const
  const edit = async (file: string, change: (text: string) => string) =>
    writeFile(file, change(await readFile(file, 'utf8')))

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devicehub-files-'))
    passwordFile = join(folder, 'passwords')
    aclFile = join(folder, 'acl')
    reloads = 0
    return () => rm(folder, { recursive: true })
  })

  it('keeps what others wrote, wherever it stands, and the mode; new files are private', async () => {
    await open().apply([set(a, 'p')])
    expect((await stat(passwordFile)).mode & 0o777).toBe(0o600)
    expect((await stat(aclFile)).mode & 0o777).toBe(0o600)
    await chmod(passwordFile, 0o640)
    const owner = process.getuid?.() === 0 ? { uid: 1234, gid: 4321 } : await stat(passwordFile)
    await chown(passwordFile, owner.uid, owner.gid)
    await edit(passwordFile, (text) => `ann:$7$1$a$b\n\n${text}bob:$6$c$d\n`)
    await edit(aclFile, (text) => `# mine\ntopic read public\n\n${text}# below\nuser bob\ntopic read x y`)
    const [passwords, acl] = await texts()
    await open().apply([set(b, 'p'), remove(a.username)])
    const [passwordsNow, aclNow] = await texts()
    expect(passwordsNow.replace(/station-b:.*\n/, '')).toBe(passwords.replace(/station-a:.*\n/, ''))
    expect(aclNow.replaceAll('station/b', 'station/a').replace('station-b', 'station-a')).toBe(`${acl}\n`)
    expect((await stat(passwordFile)).mode & 0o777).toBe(0o640)
    expect(await stat(passwordFile)).toMatchObject({ uid: owner.uid, gid: owner.gid })
    expect((await readdir(folder)).sort()).toEqual(['acl', 'passwords', 'passwords.devicehub-users'])
  })

  it('writes each file once for many changes, and reloads once', async () => {
    await open().apply([set(a, 'p')])
    const before = (await stat(passwordFile)).ino
    const many = Array.from({ length: 300 }, (_, index) => set(sinkDevice('pump', `${index}`), 'p'))
    const seen = new Set<number>()
    const watching = setInterval(() => void stat(passwordFile).then(({ ino }) => seen.add(ino)), 1)
    await open().apply(many)
    clearInterval(watching)
    seen.delete(before)
    seen.delete((await stat(passwordFile)).ino)
    expect(seen.size).toBe(0)
    expect(reloads).toBe(2)
    expect((await readFile(passwordFile, 'utf8')).split('\n')).toHaveLength(302)
  })

  it('replaces what a link points to', async () => {
    await writeFile(join(folder, 'real'), '')
    await symlink(join(folder, 'real'), passwordFile)
    await open().apply([set(a, 'p')])
    expect(await readFile(join(folder, 'real'), 'utf8')).toContain('station-a:$7$101$')
  })

  it('refuses what would be a line of its own, and does the rest', async () => {
    const topics = (topic: string) => ({ publish: [topic], subscribe: [] })
    const names = ['x\nuser ann', 'x y', 'x:y', '#x', '', 'devicehub-nobody', '\u2028']
    const bad = [
      ...names.map((username) => set({ ...a, username }, 'p')),
      ...['a\ntopic readwrite #', 'a b', '#', 'things/+/cmd', '$SYS/x', ''].map((topic, index) =>
        set({ ...a, username: `t${index}`, topics: topics(topic) }, 'p'),
      ),
    ]
    const error = await open()
      .apply([...bad, set(b, 'p')])
      .catch((error) => error)
    expect(error.code).toBe('sink_failed')
    expect(error.details.users).toEqual([...names, 't0', 't1', 't2', 't3', 't4', 't5'])
    const [passwords, acl] = await texts()
    expect(passwords).toMatch(/^station-b:\$7\$101\$\S+\n$/)
    expect(acl.split('\n').filter((line) => line.startsWith('user '))).toEqual([
      'user station-b',
      'user devicehub-nobody',
    ])
    const synced = await open()
      .sync(stream(...bad.map(({ device }) => device), b))
      .catch((error) => error)
    expect(synced.details.users).toHaveLength(bad.length)
    expect(await texts()).toEqual([passwords, acl])
  })

  it('does not change users that it has not created, and names them', async () => {
    await writeFile(passwordFile, 'station-a:$7$1$x$y\n')
    for (const change of [set(a, 'mine'), remove(a.username)]) {
      const error = await open()
        .apply([change, set(b, 'p')])
        .catch((error) => error)
      expect(error).toMatchObject({ code: 'sink_failed', details: { users: ['station-a'] } })
      const [passwords, acl] = await texts()
      expect(passwords).toContain('station-a:$7$1$x$y\n')
      expect(passwords).toContain('station-b:')
      expect(acl).not.toContain('station-a')
    }
    await expect(open().sync(stream(a, b))).rejects.toMatchObject({ details: { users: ['station-a'] } })
  })

  it('sync mends what was changed by hand, says what, and then changes nothing', async () => {
    const fleet = ['0', '1', '2', '3', '4', '5', '6'].map((id) => sinkDevice('pump', id))
    const ghost = sinkDevice('pump', 'ghost')
    const sink = open()
    await sink.apply([...fleet, ghost].map((device) => set(device, 'p')))
    expect(await sink.sync(stream(...fleet, ghost))).toMatchObject({ devices: 8, ...NOTHING })
    await edit(aclFile, (text) =>
      text
        .replace('topic write things/pump/0/data', 'topic readwrite #')
        .replace(/user pump-1\n(topic .*\n)+/, '')
        .replace('topic read things/pump/2/cmd\n', '')
        .replace('user pump-3\n', 'user pump-3\ntopic readwrite #\n')
        .replace('user devicehub-nobody\n', 'user stranger\ntopic readwrite #\n'),
    )
    await edit(passwordFile, (text) =>
      text
        .replace(/pump-4:.*\n/, '')
        .replace(/(pump-5:.*)=\n/, '$1\n')
        .replace(/(pump-6:.*\n)/, '$1$1'),
    )
    const report = await sink.sync(stream(...fleet))
    expect(report).toEqual({
      sink: 'mosquitto-files',
      devices: 7,
      repaired: ['pump-0', 'pump-1', 'pump-2', 'pump-3'],
      removed: ['pump-ghost', 'stranger'],
      withoutPassword: ['pump-4', 'pump-5', 'pump-6'],
    })
    const before = await texts()
    expect(before.join()).not.toMatch(/readwrite|ghost|stranger|pump-[456]/)
    expect(await sink.sync(stream(...fleet))).toMatchObject({
      ...NOTHING,
      withoutPassword: report.withoutPassword,
    })
    expect(await texts()).toEqual(before)
    await sink.apply(fleet.slice(4).map((device) => set(device, 'p')))
    expect(await sink.sync(stream(...fleet))).toMatchObject(NOTHING)
    // The whole section is gone: somebody has put back an older file.
    await writeFile(aclFile, '# older\n')
    expect((await sink.sync(stream(...fleet))).repaired).toEqual(fleet.map(({ username }) => username))
    expect(reloads).toBe(7)
  })

  it('a device that is issued while sync runs is no stray', async () => {
    const issuing = open()
    await issuing.apply([set(a, 'p')])
    async function* slow() {
      yield a
      await issuing.apply([set(b, 'p')])
    }
    expect(await open().sync(slow())).toMatchObject({ devices: 1, ...NOTHING })
    expect(await open().sync(stream(a, b))).toMatchObject({ devices: 2, ...NOTHING })
  })

  it('does not guess when its markers are broken', async () => {
    await open().apply([set(a, 'p')])
    await edit(aclFile, (text) => text.replace('# devicehub end\n', ''))
    const before = await texts()
    await expect(open().apply([set(b, 'p')])).rejects.toMatchObject({
      code: 'sink_failed',
      message: expect.stringContaining('# devicehub end'),
    })
    expect(await texts()).toEqual(before)
  })

  it('two sections do not touch each other', async () => {
    const other = open({ section: 'second' })
    await open().apply([set(a, 'p')])
    await other.apply([set(b, 'p')])
    expect(await other.sync(stream())).toMatchObject({ removed: ['station-b'] })
    expect(await open().sync(stream(a))).toMatchObject(NOTHING)
  })

  it('sinks that write at once lose nothing', async () => {
    const sinks = [open(), open(), open()]
    const fleet = Array.from({ length: 45 }, (_, index) => sinkDevice('pump', `${index}`))
    await Promise.all(fleet.map((device, index) => sinks[index % 3]?.apply([set(device, 'p')])))
    expect(await open().sync(stream(...fleet))).toMatchObject({ devices: 45, ...NOTHING })
  })

  it('waits no longer than its time for a writer that lives, and takes over from one that was killed', async () => {
    const lock = `${passwordFile}.devicehub-lock`
    const holder = (pid: number) => JSON.stringify({ pid, host: hostname(), token: 'x' })
    await writeFile(lock, holder(process.pid))
    await expect(open({ timeout: '50ms' }).apply([set(a, 'p')])).rejects.toMatchObject({
      code: 'sink_failed',
      message: expect.stringContaining(String(process.pid)),
    })
    const long = new Date(Date.now() - 3_600_000)
    await utimes(lock, long, long)
    await open().apply([set(a, 'p')])
    await writeFile(lock, holder(await deadPid()))
    await open().apply([set(b, 'p')])
    expect(await open().sync(stream(a, b))).toMatchObject(NOTHING)
  })

  it('reports that the broker could not be reloaded, and what a folder refuses, without a password', async () => {
    const fails = open({ reload: () => Promise.reject(new Error('no such unit')) })
    await expect(fails.apply([set(a, 'hidden')])).rejects.toMatchObject({
      code: 'sink_failed',
      message: expect.stringContaining('no such unit'),
    })
    await expect(open({ reload: { pid: await deadPid() } }).apply([set(a, 'hidden')])).rejects.toMatchObject({
      code: 'sink_failed',
    })
    const nowhere = open({ passwordFile: join(folder, 'none', 'passwords') })
    const error = await nowhere.apply([set(a, 'hidden')]).catch((error) => error)
    expect(error.code).toBe('sink_failed')
    expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain('hidden')
  })

  it('close refuses more', async () => {
    const sink = open()
    const last = sink.apply([set(a, 'p')])
    await sink.close()
    expect(reloads).toBe(1)
    await last
    await expect(sink.sync(stream())).rejects.toMatchObject({ code: 'closed' })
  })

  it.each([
    { passwordFile: '' },
    { aclFile: 'same', passwordFile: 'same' },
    { reload: { pid: 0 } },
    { reload: { pid: -1 } },
    { section: 'a b' },
    { iterations: 0 },
    { timeout: 0 },
  ])('refuses the option %j', (options) => {
    expect(() => open(options)).toThrow(expect.objectContaining({ code: 'invalid_options' }))
  })

  describe('processes that are killed', () => {
    const script = fileURLToPath(new URL('../testing/file-writer.ts', import.meta.url))
    const start = (name: string, count: number) => {
      const child = spawn(
        process.execPath,
        ['--import', 'tsx', script, passwordFile, aclFile, name, String(count)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      )
      const done: string[] = []
      child.stdout.on('data', (chunk) => done.push(...String(chunk).split('\n').filter(Boolean)))
      return { child, done, ended: new Promise<void>((resolve) => child.on('close', () => resolve())) }
    }

    it('a change that was confirmed is in the file, and no file is ever half written', async () => {
      await writeFile(passwordFile, 'ann:$7$1$a$b\n')
      await writeFile(aclFile, 'user ann\ntopic readwrite #\n')
      const confirmed: string[] = []
      const looks: boolean[] = []
      const looking = setInterval(async () => {
        // The old file or the new one, at any moment.
        const [passwords, acl] = await texts()
        looks.push(/^ann:\$7\$1\$a\$b\n(station-\S+:\$7\$101\$\S{16}\$\S{88}\n)*$/.test(passwords))
        looks.push(/^user ann\ntopic readwrite #\n(# devicehub begin[\s\S]*\n# devicehub end\n)?$/.test(acl))
      }, 2)
      for (let round = 0; round < 2; round++) {
        const writers = [start(`${round}-x`, 10_000), start(`${round}-y`, 10_000)]
        await waitUntil('both to write', () => writers.every(({ done }) => done.length > 3 + 4 * round))
        for (const { child } of writers) child.kill('SIGKILL')
        await Promise.all(writers.map(({ ended }) => ended))
        confirmed.push(...writers.flatMap(({ done }) => done))
        await open().apply([set(sinkDevice('station', `after-${round}`), 'p')])
      }
      clearInterval(looking)
      expect(looks.length).toBeGreaterThan(0)
      expect(looks).not.toContain(false)
      const [passwords, acl] = await texts()
      for (const username of confirmed) {
        expect(passwords).toContain(`\n${username}:$7$`)
        expect(acl).toContain(`\nuser ${username}\n`)
      }
      const left = (await readdir(folder)).filter((name) => /lock$|-new$/.test(name))
      expect(left).toEqual([])
    })
  })
})

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''])
  await new Promise((resolve) => child.on('close', resolve))
  return child.pid as number
}
