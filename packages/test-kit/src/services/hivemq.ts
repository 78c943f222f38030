import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { count } from '../option-rules.js'
import { requireProgram } from './find-program.js'
import { SERVICE_OPTIONS, type Service, type ServiceOptions, startService } from './managed-service.js'
import { answersMqtt } from './mqtt-probe.js'
import { runCommand } from './run-command.js'
import { templateFolder } from './template-folder.js'

/** Options of `startHiveMq`. */
export interface HiveMqOptions extends ServiceOptions {
  /**
   * How many unacknowledged QoS 1 and 2 messages a client may have in flight (Receive Maximum). Default 10, which is
   * HiveMQ's own default.
   */
  readonly receiveMaximum?: number
  /**
   * How many messages may wait for a session or a shared subscription; further ones are dropped. Default 10,000,000
   * (HiveMQ's own default is 1000).
   */
  readonly maxQueued?: number
  /** Whether sessions and queues are kept on disk, so that they survive `restart()`. Default true. */
  readonly persistence?: boolean
}

const { flag, integer, optional } = check

const OPTIONS = check.options<HiveMqOptions>({
  ...SERVICE_OPTIONS,
  receiveMaximum: optional(integer({ min: 1, max: 65_535 })),
  maxQueued: optional(count),
  persistence: optional(flag),
})

/** A running HiveMQ. Its `url` is `mqtt://127.0.0.1:<port>`. */
export type HiveMqService = Service

/**
 * Starts HiveMQ Community Edition (MQTT 3.1.1 and 5, shared subscriptions). The first call on a machine downloads it
 * with Maven and keeps it. `missing_dependency` when Java or Maven is not installed.
 *
 * @example
 * import { startHiveMq } from '@devicehub/test-kit'
 *
 * await using broker = await startHiveMq({ receiveMaximum: 100 })
 */
export async function startHiveMq(given: HiveMqOptions = {}): Promise<HiveMqService> {
  const options = check.accept('startHiveMq', 'options', OPTIONS, given)
  const java = requireProgram('hivemq', 'java')
  const program = await buildProgram()
  return startService({
    name: 'hivemq',
    port: options.port,
    prepare: ({ folder, port }) => {
      for (const name of ['conf', 'data', 'extensions']) mkdirSync(join(folder, name))
      writeFileSync(join(folder, 'conf', 'config.xml'), configuration(options, port))
    },
    command: ({ folder }) => ({
      file: java,
      args: [
        '-Xmx512m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        ...OPENED,
        '-cp',
        classPath(program),
      ].concat(['HiveMq', folder]),
    }),
    ready: ({ port }) => answersMqtt(port),
    url: ({ port }) => `mqtt://127.0.0.1:${port}`,
  })
}

// What the broker's own start script opens to it.
const OPENED = ['java.lang', 'java.nio', 'sun.nio.ch', 'sun.security.x509'].flatMap((name) => [
  '--add-opens',
  `java.base/${name}=ALL-UNNAMED`,
])

const classPath = (program: string) =>
  [join(program, 'target', 'classes'), join(program, 'lib', '*')].join(':')

async function buildProgram(): Promise<string> {
  const project = projectFolder()
  const main = join('src', 'main', 'java', 'HiveMq.java')
  const content = ['pom.xml', main].map((name) => readFileSync(join(project, name)))
  const version = createHash('sha256').update(Buffer.concat(content)).digest('hex').slice(0, 12)
  const create = async (folder: string) => {
    const maven = requireProgram('hivemq', 'mvn')
    for (const name of ['pom.xml', 'src'])
      cpSync(join(project, name), join(folder, name), { recursive: true })
    const goals = ['compile', 'dependency:copy-dependencies', `-DoutputDirectory=${join(folder, 'lib')}`]
    await runCommand(maven, ['-q', '-B', ...goals], { cwd: folder })
  }
  return templateFolder({ name: `hivemq-${version}`, create })
}

// Beside the sources in this repository, beside `dist` in the published package.
function projectFolder(): string {
  for (const path of ['../../hivemq', '../hivemq']) {
    const folder = fileURLToPath(new URL(path, import.meta.url))
    if (existsSync(join(folder, 'pom.xml'))) return folder
  }
  throw new DeviceHubError(
    'missing_dependency',
    'the folder hivemq of @devicehub/test-kit is missing: reinstall it',
  )
}

const configuration = (options: HiveMqOptions, port: number) => `<?xml version="1.0"?>
<hivemq>
  <listeners>
    <tcp-listener><port>${port}</port><bind-address>127.0.0.1</bind-address></tcp-listener>
  </listeners>
  <mqtt>
    <queued-messages><max-queue-size>${options.maxQueued ?? 10_000_000}</max-queue-size></queued-messages>
    <receive-maximum>
      <server-receive-maximum>${options.receiveMaximum ?? 10}</server-receive-maximum>
    </receive-maximum>
  </mqtt>
  <persistence><mode>${(options.persistence ?? true) ? 'file' : 'in-memory'}</mode></persistence>
  <anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics>
</hivemq>
`
