import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import { describeWith } from './describe-with.js'
import type { PostgresService } from './postgres.js'
import { isAlive } from './process-tree.js'

// Run again by the tests below, in a process where programs count as not installed.
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
    expectTypeOf(postgres).returns.toEqualTypeOf<PostgresService>()
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

describeWith({ mosquitto: 'own', redis: {} }, 'a suite with its own instances', ({ mosquitto, redis }) => {
  it('starts them in its tests, beside the shared ones', async () => {
    await using one = await mosquitto.start({ users: { ann: 'pw' } })
    await using two = await redis.start()
    expect(one.passwordFile).toBeTypeOf('string')
    expect(two.port).not.toBe(redis().port)
    expect(mosquitto as unknown as () => void).toThrow('starts no mosquitto for all: call mosquitto.start()')
  })

  it.each(['mosquitto', 'redis, mosquitto', 'all'])(
    'DEVICEHUB_WITHOUT_SERVICES="%s" hides the program from the search itself',
    async (names) => {
      vi.stubEnv('DEVICEHUB_WITHOUT_SERVICES', names)
      await expect(mosquitto.start()).rejects.toMatchObject({
        code: 'missing_dependency',
        message: 'mosquitto is not installed: apt-get install mosquitto',
      })
    },
  )

  it('a name that nothing has is refused: else a typing error would hide nothing', () => {
    vi.stubEnv('DEVICEHUB_WITHOUT_SERVICES', 'postgresql')
    expect(() => describeWith(['mosquitto'], 'never', () => {})).toThrow(
      /unknown service "postgresql": write "all" or names of mosq/,
    )
  })

  afterEach(() => void vi.unstubAllEnvs())
})

describe.skipIf(again)('where programs are missing', () => {
  it('their suites are skipped, and one line a service says how to install it', async () => {
    const { code, output } = await runAgain({ DEVICEHUB_WITHOUT_SERVICES: 'mosquitto' })
    expect(code).toBe(0)
    expect(output.match(/skipped: mosquitto is not installed: apt-get install mosquitto\n/g)).toHaveLength(1)
  })

  it('without any only what needs none runs: Aedes is a library', async () => {
    const { code, output } = await runAgain({ DEVICEHUB_WITHOUT_SERVICES: 'all' })
    expect(code).toBe(0)
    const skipped = [...output.matchAll(/skipped: (.*)\n/g)].map((match) => match[1])
    expect(skipped).toEqual([
      'mosquitto is not installed: apt-get install mosquitto',
      'mosquitto is not installed: apt-get install mosquitto; postgres is not installed: apt-get install postgresql',
      'redis is not installed: apt-get install redis-server',
      'mosquitto is not installed: apt-get install mosquitto; redis is not installed: apt-get install redis-server',
    ])
    expect(output).toMatch(/Tests +1 passed \| 13 skipped/)
    // The other three are these tests themselves.
    expect(output).toContain(
      '13 tests were skipped for want of: mosquitto 9, redis 6, other reasons 3, postgres 2',
    )
  })

  it('DEVICEHUB_REQUIRE_SERVICES=1 makes that a failure', async () => {
    const { code, output } = await runAgain({
      DEVICEHUB_WITHOUT_SERVICES: 'mosquitto',
      DEVICEHUB_REQUIRE_SERVICES: '1',
    })
    expect(code).toBe(1)
    expect(output).toContain('first suite > needs mosquitto')
    expect(output).toContain('mosquitto is not installed: apt-get install mosquitto')
  })
})

function runAgain(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const root = fileURLToPath(new URL('../../../../', import.meta.url))
  const args = [`${root}node_modules/vitest/vitest.mjs`, 'run', '--project', 'test-kit']
  const child = spawn(process.execPath, [...args, fileURLToPath(import.meta.url)], {
    cwd: root,
    env: {
      ...process.env,
      NO_COLOR: '1',
      DEVICEHUB_TEST_AGAIN: '1',
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
