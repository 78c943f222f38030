import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as check from '@devicehub/core/check'
import { configLines } from '../option-rules.js'
import { findRabbitMq, requireProgram } from './find-program.js'
import { freePort } from './free-port.js'
import {
  SERVICE_OPTIONS,
  type Service,
  type ServiceOptions,
  type ServicePlace,
  startService,
} from './managed-service.js'
import { answersMqtt } from './mqtt-probe.js'

/** Options of `startRabbitMq`. */
export interface RabbitMqServerOptions extends ServiceOptions {
  /**
   * How many unacknowledged QoS 1 messages a client may have in flight (`mqtt.prefetch`). Default 10, which is
   * RabbitMQ's own default.
   */
  readonly maxInflight?: number
  /**
   * Asks these URLs (form POST) who may do what; anonymous clients are then refused. Default: every client may do
   * everything.
   */
  readonly httpAuth?: RabbitMqHttpAuth
  /** Further lines of `rabbitmq.conf`. When a key occurs twice, the last one counts. */
  readonly config?: readonly string[]
  /** Names of further plugins to enable. */
  readonly plugins?: readonly string[]
}

/** The URLs of `rabbitmq_auth_backend_http`. */
export interface RabbitMqHttpAuth {
  /** Asked whether a client may log in. */
  readonly user: string
  /** Asked whether a user may use a virtual host. */
  readonly vhost: string
  /** Asked whether a user may use a queue or an exchange. */
  readonly resource: string
  /** Asked whether a user may publish to, or subscribe to, a topic. */
  readonly topic: string
}

const { integer, line, list, optional, text } = check

const OPTIONS = check.options<RabbitMqServerOptions>({
  ...SERVICE_OPTIONS,
  maxInflight: optional(integer({ min: 1, max: 65_535 })),
  httpAuth: optional(
    check.options<RabbitMqHttpAuth>({
      user: line(1_000),
      vhost: line(1_000),
      resource: line(1_000),
      topic: line(1_000),
    }),
  ),
  config: configLines,
  plugins: optional(list(text({ max: 64, pattern: /^[a-z0-9_]+$/, expected: 'the name of a plugin' }))),
})

/** A running RabbitMQ. Its `url` is `mqtt://127.0.0.1:<port>`. */
export type RabbitMqService = Service

/**
 * Starts RabbitMQ with its MQTT plugin (MQTT 3.1.1 without shared subscriptions), which takes about ten seconds. A
 * QoS 1 message for a persistent session is on disk before its publisher gets the PUBACK. `pid` is the script that
 * runs the broker and Erlang's port mapper (epmd); each instance has its own. `missing_dependency` when it is not
 * installed.
 *
 * @example
 * import { startRabbitMq } from '@devicehub/test-kit'
 *
 * await using broker = await startRabbitMq({ maxInflight: 100 })
 */
export async function startRabbitMq(given: RabbitMqServerOptions = {}): Promise<RabbitMqService> {
  const options = check.accept('startRabbitMq', 'options', OPTIONS, given)
  const server = findRabbitMq() ?? requireProgram('rabbitmq', 'rabbitmq-server')
  const epmd = requireProgram('rabbitmq', 'epmd')
  const [namePort, nodePort] = [await freePort(), await freePort()]
  return startService({
    name: 'rabbitmq',
    port: options.port,
    prepare: ({ folder, port }) => {
      for (const name of ['home', 'mnesia', 'logs']) mkdirSync(join(folder, name))
      writeFileSync(join(folder, 'rabbitmq.conf'), `${configuration(options, port).join('\n')}\n`)
      writeFileSync(join(folder, 'advanced.config'), '[].\n')
      writeFileSync(join(folder, 'enabled_plugins'), `[${pluginsOf(options).join(',')}].\n`)
    },
    command: (place) => ({
      file: '/bin/sh',
      args: ['-c', SCRIPT, 'rabbitmq', epmd, server],
      env: environment(place, namePort, nodePort),
    }),
    ready: ({ port }) => answersMqtt(port),
    url: ({ port }) => `mqtt://127.0.0.1:${port}`,
  })
}

// Erlang would start an epmd of its own that outlives it. This one is a child, there before the broker asks for it,
// and ends after it.
const SCRIPT = `
stopping= server=
trap 'stopping=1; [ -z "$server" ] || kill -TERM "$server" 2>/dev/null' TERM
"$1" -address "$ERL_EPMD_ADDRESS" -port "$ERL_EPMD_PORT" & epmd=$!
until "$1" -port "$ERL_EPMD_PORT" -names >/dev/null 2>&1; do
  kill -0 "$epmd" || exit 1
  sleep 0.1
done
if [ -z "$stopping" ]; then
  "$2" & server=$!
  [ -z "$stopping" ] || kill -TERM "$server"
fi
status=0
while [ -n "$server" ] && kill -0 "$server" 2>/dev/null; do wait "$server"; status=$?; done
kill -TERM "$epmd"
wait "$epmd"
exit "$status"`

const pluginsOf = ({ httpAuth, plugins }: RabbitMqServerOptions) => [
  'rabbitmq_mqtt',
  ...(httpAuth ? ['rabbitmq_auth_backend_http'] : []),
  ...(plugins ?? []),
]

function configuration({ httpAuth, maxInflight, config }: RabbitMqServerOptions, port: number): string[] {
  return [
    // MQTT only: AMQP's own listener would need one more port.
    'listeners.tcp = none',
    `mqtt.listeners.tcp.default = 127.0.0.1:${port}`,
    `mqtt.allow_anonymous = ${httpAuth === undefined}`,
    'mqtt.vhost = /',
    'mqtt.exchange = amq.topic',
    `mqtt.prefetch = ${maxInflight ?? 10}`,
    // A full disk of the machine must not silence the publishers of a test.
    'disk_free_limit.absolute = 1MB',
    'log.console = true',
    'log.file = false',
    ...(httpAuth ? httpAuthLines(httpAuth) : []),
    ...(config ?? []),
  ]
}

function httpAuthLines(urls: RabbitMqHttpAuth): string[] {
  return [
    'auth_backends.1 = http',
    'auth_http.http_method = post',
    ...(['user', 'vhost', 'resource', 'topic'] as const).map(
      (name) => `auth_http.${name}_path = ${urls[name]}`,
    ),
  ]
}

function environment({ folder }: ServicePlace, namePort: number, nodePort: number): NodeJS.ProcessEnv {
  return {
    ...process.env,
    // The cookie of Erlang's nodes is kept there.
    HOME: join(folder, 'home'),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(namePort),
    ERL_CRASH_DUMP: '/dev/null',
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_NODENAME: 'devicehub@localhost',
    RABBITMQ_DIST_PORT: String(nodePort),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'logs'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  }
}
