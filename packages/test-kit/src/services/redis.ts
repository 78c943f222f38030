import { connect } from 'node:net'
import * as check from '@devicehub/core/check'
import { settings as settingsRule } from '../option-rules.js'
import { requireProgram } from './find-program.js'
import { SERVICE_OPTIONS, type Service, type ServiceOptions, startService } from './managed-service.js'

/** Options of `startRedis`. */
export interface RedisOptions extends ServiceOptions {
  /** Server settings by name, such as `maxmemory`. By default every write is on disk before it is answered. */
  readonly settings?: Readonly<Record<string, string | number>>
}

const OPTIONS = check.options<RedisOptions>({
  ...SERVICE_OPTIONS,
  settings: settingsRule as check.OptionalRule<RedisOptions['settings']>,
})

/** A running Redis. Its `url` is `redis://127.0.0.1:<port>`. */
export type RedisService = Service

/**
 * Starts Redis (or Valkey) without a password, on loopback. `missing_dependency` when neither is installed.
 *
 * @example
 * import { startRedis } from '@devicehub/test-kit'
 *
 * await using server = await startRedis({ settings: { maxmemory: '16mb' } })
 */
export async function startRedis(given: RedisOptions = {}): Promise<RedisService> {
  const options = check.accept('startRedis', 'options', OPTIONS, given)
  const server = requireProgram('redis', 'redis-server', 'valkey-server')
  const settings = {
    bind: '127.0.0.1',
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
    ...options.settings,
  }
  return startService({
    name: 'redis',
    port: options.port,
    command: ({ folder, port }) => ({
      file: server,
      args: ['--port', String(port), '--dir', folder].concat(
        Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
      ),
    }),
    ready: ({ port }) => answersPing(port),
    url: ({ port }) => `redis://127.0.0.1:${port}`,
  })
}

// An answer that is an error (loading the data, for one) is not yet readiness.
function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    const end = (answers: boolean) => {
      socket.destroy()
      resolve(answers)
    }
    socket.once('data', (chunk) => end(chunk.toString().startsWith('+PONG')))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
    socket.setTimeout(5000, () => end(false))
  })
}
