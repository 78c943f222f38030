import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRawClient, startMosquitto } from '@devicehub/test-kit'
import { extractSamples } from '../docs-samples/extract-samples.js'
import { install, root, runIn, type Tarballs, versionOf } from './pack-all.js'

const NEEDED = ['core', 'signals', 'storage-kysely', 'mqtt-listener', 'client', 'http']
/** The address in the samples, which is a private broker's here. */
const ADDRESS = 'mqtt://localhost:1883'
const GIVE_UP = 60_000

/** Does what README and quick start say, twice in a row, in an empty folder. */
export async function runNewcomer(folder: string, tarballs: Tarballs): Promise<string[]> {
  const packages = NEEDED.map((name) => tarballs.get(name) as string)
  const sqlite = needsBetterSqlite() ? ['better-sqlite3@12.9.0'] : []
  await install(folder, [
    ...packages,
    ...sqlite,
    'kysely',
    'zod',
    ...['tsx', 'typescript', '@types/node'].map(versionOf),
  ])
  await using broker = await startMosquitto()
  const problems: string[] = []
  for (const [name, page] of [
    ['readme', 'README.md'],
    ['quick-start', 'docs/quick-start.md'],
  ] as const) {
    const place = join(folder, name)
    mkdirSync(place)
    writeFileSync(join(place, 'package.json'), '{ "type": "module" }')
    const text = readFileSync(join(root, page), 'utf8')
    for (const { file, code } of extractSamples(page, text).filter(
      ({ file }, at) => file !== null || at === 0,
    ))
      writeFileSync(join(place, file ?? 'main.ts'), code.replaceAll(ADDRESS, broker.url))
    const config = /```json\n([^`]*"compilerOptions"[^`]*)```/.exec(
      readFileSync(join(root, 'docs/quick-start.md'), 'utf8'),
    )?.[1]
    if (config === undefined) return ['the quick start shows no tsconfig.json']
    writeFileSync(join(place, 'tsconfig.json'), config)
    for (const more of [[], ['--declaration', '--skipLibCheck', 'false']]) {
      const { ok, output } = await runIn(place, 'npx', ['--no-install', 'tsc', '--noEmit', ...more])
      if (!ok) problems.push(`${page} does not compile ${more.join(' ')}:\n${output}`)
    }
    for (const time of ['first', 'second']) {
      const problem = await runOnce(place, broker.port, time === 'first' ? 20.5 : 21.5)
      if (problem !== null) problems.push(`${page}, ${time} start: ${problem}`)
    }
  }
  const commonJs = await runInCommonJs(folder)
  return commonJs === null ? problems : [...problems, commonJs]
}

const COMMON_JS = `
const { createDeviceHub, defineDeviceType, reading } = require('@devicehub/core')
const { createMqttListener } = require('@devicehub/mqtt-listener')
const { createSignals } = require('@devicehub/signals')
const Station = defineDeviceType('station', { unknownDevice: 'register', readings: { temperature: reading.float() } })
async function main() {
  const hub = createDeviceHub({ types: [Station], signals: createSignals() })
  createMqttListener(hub, { url: 'mqtt://localhost:1' })
  const [outcome] = await hub.ingest([{
    topic: 'things/station/S-1/data', payload: Buffer.from('{"temperature":21.5}'), source: 'test', qos: 1,
    redelivered: false, retained: false, receivedAt: new Date(),
  }])
  const latest = await hub.readings.latest(Station, 'S-1')
  console.log(outcome.status, latest.readings.temperature.value)
  await hub.close()
  try {
    defineDeviceType('a type')
  } catch (error) {
    console.log(require('node:util').inspect(error))
  }
}
main()
`

/** The packages as `require` gets them; and an error prints under the name of its class. */
async function runInCommonJs(folder: string): Promise<string | null> {
  writeFileSync(join(folder, 'main.cjs'), COMMON_JS)
  const { ok, output } = await runIn(folder, process.execPath, ['main.cjs'])
  const works = ok && /^stored 21\.5$/m.test(output) && /^DeviceHubError: /m.test(output)
  return works ? null : `in CommonJS it does not work:\n${output}`
}

/** Starts it, sends readings until it prints one, and ends it with Ctrl-C. Null: it did all that. */
async function runOnce(folder: string, port: number, temperature: number): Promise<string | null> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'main.ts'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const ended = once(child, 'exit')
  const giveUpAt = Date.now() + GIVE_UP
  try {
    await using device = await createRawClient({ port })
    for (let sent = 0; !output.includes(String(temperature)); sent++) {
      if (child.exitCode !== null) return `it ended with ${child.exitCode}:\n${output}`
      if (Date.now() > giveUpAt) return `it prints no reading:\n${output}`
      const payload = JSON.stringify({ temperature, humidity: 40, id: `${temperature} ${sent}` })
      await device.publish('things/weatherstation/STATION-001/data', payload, { qos: 1 })
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    child.kill('SIGINT')
    const [code, signal] = await ended
    return code === 0 || signal === 'SIGINT' ? null : `Ctrl-C ends it with ${code}:\n${output}`
  } finally {
    child.kill('SIGKILL')
  }
}

function needsBetterSqlite(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major < 22 || (major === 22 && minor < 13)
}
