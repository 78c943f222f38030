import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, realpathSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startAedes } from '@devicehub/test-kit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startObserver } from './testing/observer.js'
import { temporaryFolder } from './testing/temporary-folder.js'

const WAIT = { timeout: 100_000, interval: 20 }
const run = promisify(execFile)
const root = fileURLToPath(new URL('../../..', import.meta.url))
const here = fileURLToPath(new URL('..', import.meta.url))
const npm = { env: { ...process.env, npm_config_update_notifier: 'false' } }

/** `DEVICEHUB_NODES="18 22 24"` adds these, fetched by npx. */
const versions = [null, ...(process.env.DEVICEHUB_NODES ?? '').split(/\s+/).filter((text) => text !== '')]

const folder = temporaryFolder()
afterAll(() => folder[Symbol.dispose]())

/** As npm would install it: what the tarball holds, with the dependencies of the workspace beside it. */
beforeAll(async () => {
  const modules = join(folder.path, 'node_modules')
  mkdirSync(join(modules, '@devicehub'), { recursive: true })
  await Promise.all(['core', 'client'].map((name) => install(name, join(modules, '@devicehub', name))))
  for (const name of ['mqtt', 'zod'])
    symlinkSync(realpathSync(join(here, 'node_modules', name)), join(modules, name))
  for (const name of ['smoke.mjs', 'smoke.cjs', 'station.cjs'])
    cpSync(join(here, 'src/testing/packed', name), join(folder.path, name))
})

async function install(name: string, to: string): Promise<void> {
  const source = join(root, 'packages', name)
  const staging = join(folder.path, 'staging', name)
  mkdirSync(staging, { recursive: true })
  mkdirSync(to)
  const tsup = join(root, 'node_modules/tsup/dist/cli-default.js')
  const args = [tsup, '--no-dts', '--silent', '--out-dir', join(staging, 'dist')]
  await run(process.execPath, args, { cwd: source })
  cpSync(join(source, 'package.json'), join(staging, 'package.json'))
  const { stdout } = await run('npm', ['pack', '--silent'], { ...npm, cwd: staging })
  await run('tar', ['-xzf', stdout.trim(), '--strip-components=1', '-C', to], { cwd: staging })
}

function start(version: string | null, script: string, args: readonly string[]): ChildProcess {
  const stdio = ['ignore', 'inherit', 'inherit'] as const
  const options = { cwd: folder.path, stdio: [...stdio], ...npm }
  if (version === null) return spawn(process.execPath, [script, ...args], options)
  return spawn('npx', ['-y', '-p', `node@${version}`, 'node', script, ...args], options)
}

for (const version of versions)
  test.each(['smoke.mjs', 'smoke.cjs'])(
    `the packed client answers a command, sends a sample and ends by itself: ${version === null ? 'this Node' : `Node ${version}`}, %s`,
    async (script) => {
      await using broker = await startAedes()
      await using observer = await startObserver(broker.url)
      const child = start(version, script, [broker.url, join(folder.path, `outbox-${version}-${script}`)])
      try {
        await expect.poll(() => observer.on('status').at(-1), WAIT).toEqual({ status: 'online' })
        const send = (command: string) =>
          observer.publish('things/station/S-1/cmd', { command, payload: { interval: 60 }, id: command })
        await send('set_interval')
        await expect
          .poll(() => observer.on('response').at(-1), WAIT)
          .toEqual({
            id: 'set_interval',
            command: 'set_interval',
            status: 'succeeded',
            result: {
              interval: 60,
              node: expect.stringMatching(version === null ? process.version : `^v${version}\\.`),
            },
          })
        await expect.poll(() => observer.on('data').at(-1), WAIT).toMatchObject({ temperature: 21.5 })
        const ended = once(child, 'exit')
        await send('stop')
        expect(await ended).toEqual([0, null])
        await expect.poll(() => observer.on('status').at(-1), WAIT).toEqual({ status: 'offline' })
      } finally {
        child.kill('SIGKILL')
      }
    },
  )
