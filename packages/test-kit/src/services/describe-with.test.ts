import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, expectTypeOf, it } from 'vitest'
import { describeWith } from './describe-with.js'
import type { PostgresService } from './postgres.js'
import { isAlive } from './process-tree.js'

// Run again by the tests below, in a process where Mosquitto counts as not installed.
const again = process.env.DEVICEHUB_TEST_AGAIN === '1'
const seen: { port?: number; pid?: number } = {}

describeWith(['mosquitto'], 'first suite', ({ mosquitto }) => {
  it('gets a running service', () => {
    Object.assign(seen, { port: mosquitto().port, pid: mosquitto().pid })
    expect(mosquitto().pid).toBeTypeOf('number')
  })
})

describeWith({ mosquitto: { maxInflight: 7 } }, 'suite with other options', ({ mosquitto }) => {
  it('gets an instance of its own', () => expect(mosquitto().port).not.toBe(seen.port))
})

describeWith({ mosquitto: {}, postgres: {} }, 'second suite', ({ mosquitto, postgres }) => {
  it('shares the instance of the first, which no longer needs it', () => {
    expect(mosquitto().pid).toBe(seen.pid)
    expectTypeOf(postgres).toEqualTypeOf<() => PostgresService>()
  })

  it('gives each test a database of its own', async () => {
    const [one, two] = await Promise.all([postgres().createDatabase(), postgres().createDatabase()])
    await postgres().sql('CREATE TABLE t (x int)', one.name)
    await postgres().sql('CREATE TABLE t (x int)', two.name)
    await one.drop()
    await expect(postgres().sql('SELECT 1', one.name)).rejects.toThrow('does not exist')
  })
})

describeWith(['redis'], 'after the last suite', () => {
  it('the shared instance is stopped', () => expect(isAlive(seen.pid as number)).toBe(false))
})

describeWith(['aedes'], 'the body of a suite', ({ aedes }) => {
  let error: unknown
  try {
    aedes()
  } catch (cause) {
    error = cause
  }
  it('cannot use a service, only its tests can', () => {
    expect(String(error)).toContain('aedes runs only inside tests and hooks')
    expect(aedes().port).toBeTypeOf('number')
  })
})

it.skipIf(again)(
  'without the program the suite is skipped, and one line says how to install it',
  async () => {
    const { code, output } = await runAgain({})
    expect(code).toBe(0)
    expect(output.match(/skipped: mosquitto is not installed: apt-get install mosquitto\n/g)).toHaveLength(1)
  },
)

it.skipIf(again)('DEVICEHUB_REQUIRE_SERVICES=1 makes that a failure', async () => {
  const { code, output } = await runAgain({ DEVICEHUB_REQUIRE_SERVICES: '1' })
  expect(code).toBe(1)
  expect(output).toContain('first suite > needs mosquitto')
  expect(output).toContain('mosquitto is not installed: apt-get install mosquitto')
})

function runAgain(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const root = fileURLToPath(new URL('../../../../', import.meta.url))
  const args = [`${root}node_modules/vitest/vitest.mjs`, 'run', '--project', 'test-kit', '-t', 'suite']
  const child = spawn(process.execPath, [...args, fileURLToPath(import.meta.url)], {
    cwd: root,
    env: {
      ...process.env,
      NO_COLOR: '1',
      DEVICEHUB_TEST_AGAIN: '1',
      DEVICEHUB_WITHOUT_SERVICES: 'mosquitto',
      // Set where this suite itself must not be skipped.
      DEVICEHUB_REQUIRE_SERVICES: '',
      ...env,
    },
  })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })))
}
