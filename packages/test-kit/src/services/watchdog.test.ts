import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { describeWith } from './describe-with.js'
import { isAlive } from './process-tree.js'
import { waitUntil } from './wait-until.js'

const source = (name: string) => new URL(name, import.meta.url).href
const repository = fileURLToPath(new URL('../../../../', import.meta.url))
const loader = createRequire(`${repository}package.json`).resolve('tsx')

// A process of its own that starts servers and waits to be ended.
const SCRIPT = `
import { startPostgres } from '${source('postgres.ts')}'
import { startMosquitto } from '${source('mosquitto.ts')}'
import { processTree } from '${source('process-tree.ts')}'
const services = [await startPostgres(), await startMosquitto()]
if (process.argv.at(-1) === 'paused') services.forEach((service) => service.pause())
console.log(JSON.stringify(services.map(({ pid, folder }) => ({ pids: processTree(pid), folder }))))
if (process.argv.at(-1) !== 'leave') setInterval(() => {}, 1000)
`

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

async function startOrphans(mode: string) {
  const args = ['--import', loader, '--input-type=module', '--eval', SCRIPT, mode]
  const child = spawn(process.execPath, args, { cwd: repository, stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const services = JSON.parse(line.toString()) as { pids: number[]; folder: string }[]
  return { child, services }
}

describeWith({ mosquitto: {}, postgres: {} }, 'when the tests end without stopping their services', () => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('%s: no process and no folder stays', async (signal) => {
    const { child, services } = await startOrphans('wait')
    expect(services.every(({ pids }) => pids.every(isAlive))).toBe(true)
    child.kill(signal)
    await waitUntil('the servers to end', () => !services.some(({ pids }) => pids.some(isAlive)))
    await waitUntil('the folders to go', () => services.every(({ folder }) => !existsSync(folder)))
  })

  it('SIGKILL after somebody emptied the temporary folder', async () => {
    const { child, services } = await startOrphans('wait')
    for (const { folder } of services) rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
    child.kill('SIGKILL')
    await waitUntil('the servers to end', () => !services.some(({ pids }) => pids.some(isAlive)))
  })

  it('SIGKILL while the servers are paused', async () => {
    const { child, services } = await startOrphans('paused')
    child.kill('SIGKILL')
    await waitUntil('the servers to end', () => !services.some(({ pids }) => pids.some(isAlive)))
    await waitUntil('the folders to go', () => services.every(({ folder }) => !existsSync(folder)))
  })

  it('a running service does not keep the process from ending', async () => {
    const { child, services } = await startOrphans('leave')
    if (child.exitCode === null) await once(child, 'exit')
    expect(child.exitCode).toBe(0)
    await waitUntil('the folders to go', () => services.every(({ folder }) => !existsSync(folder)))
    expect(services.flatMap(({ pids }) => pids.filter(isAlive))).toEqual([])
  })
})
