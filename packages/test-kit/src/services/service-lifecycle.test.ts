import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createRawClient } from '../publisher/raw-client.js'
import type { DatabaseService } from './database-service.js'
import { describeWith } from './describe-with.js'
import type { Service } from './managed-service.js'
import type { MosquittoService } from './mosquitto.js'
import { isAlive, processTree } from './process-tree.js'
import { runCommand } from './run-command.js'

interface Subject<S extends Service> {
  /** Stores something durable; before a kill, with whatever the server needs to keep it. */
  write(service: S): Promise<void>
  /** Throws or returns something else than `kept` when it is not there. */
  read(service: S): Promise<string>
  /** Resolves once the server answers. */
  ask(service: S): Promise<unknown>
}

const subject = <S extends Service>(value: Subject<S>) => value as unknown as Subject<Service>

async function queueMessage({ port }: Service): Promise<void> {
  const session = { clean: false, clientId: 'kept', properties: { sessionExpiryInterval: 3600 } }
  const subscriber = await createRawClient({ port, connect: session })
  await subscriber.subscribe('kept')
  await subscriber.destroy()
  await using publisher = await createRawClient({ port })
  await publisher.publish('kept', 'kept')
}

async function queuedMessage({ port }: Service): Promise<string> {
  const session = { clean: false, clientId: 'kept', properties: { sessionExpiryInterval: 3600 } }
  await using subscriber = await createRawClient({ port, connect: session })
  return String((await subscriber.next('publish')).payload)
}

const connectOnce = async ({ port }: Service) => (await createRawClient({ port })).destroy()

const redis = (service: Service, ...args: string[]) =>
  runCommand('redis-cli', ['-p', String(service.port), ...args])

const SUBJECTS = {
  mosquitto: subject<MosquittoService>({
    async write(service) {
      await queueMessage(service)
      await service.save()
    },
    read: queuedMessage,
    ask: connectOnce,
  }),
  hivemq: subject({ write: queueMessage, read: queuedMessage, ask: connectOnce }),
  postgres: subject<DatabaseService>({
    write: async (service) => void (await service.sql(`CREATE TABLE t AS SELECT 'kept' AS v`)),
    read: (service) => service.sql('SELECT v FROM t'),
    ask: (service) => service.sql('SELECT 1'),
  }),
  mariadb: subject<DatabaseService>({
    write: async (service) => void (await service.sql(`CREATE TABLE t AS SELECT 'kept' AS v`)),
    read: (service) => service.sql('SELECT v FROM t'),
    ask: (service) => service.sql('SELECT 1'),
  }),
  redis: subject({
    write: async (service) => void (await redis(service, 'SET', 'v', 'kept')),
    read: async (service) => (await redis(service, 'GET', 'v')).trim(),
    ask: (service) => redis(service, 'PING'),
  }),
}

for (const name of ['mosquitto', 'hivemq', 'postgres', 'mariadb', 'redis'] as const) {
  const { write, read, ask } = SUBJECTS[name]
  const own = { [name]: 'own' } as Partial<Record<typeof name, 'own'>>

  describeWith(own, name, (services) => {
    const start = (): Promise<Service> => services[name].start()

    it('keeps its data over a kill, a shutdown and a restart, on the same port', async () => {
      await using service = await start()
      const { port, pid } = service
      await write(service)

      await service.kill()
      expect(service.pid).toBeUndefined()
      await expect(ask(service)).rejects.toThrow()
      await service.restart()
      expect(await read(service)).toBe('kept')

      // The broker's message was not acknowledged, so it is still there for the second reading.
      await service.shutdown()
      expect(service.pid).toBeUndefined()
      await service.restart()
      await service.restart()
      expect(await read(service)).toBe('kept')
      expect(service.port).toBe(port)
      expect(service.pid).not.toBe(pid)
    })

    it('answers nothing while paused, and can be stopped so', async () => {
      await using service = await start()
      service.pause()
      const answer = ask(service).then(() => 'answered')
      expect(await Promise.race([answer, sleep(300, 'silent')])).toBe('silent')
      service.resume()
      expect(await answer).toBe('answered')
      service.pause()
      await leavesNothing(service)
    })

    // Slow to start, and stopped by the same code.
    if (name !== 'hivemq')
      it.each(['running', 'killed'] as const)(
        'leaves no process and no folder when it is stopped while %s',
        async (before) => {
          await using service = await start()
          await leavesNothing(service, before === 'killed')
        },
      )
  })
}

/** Twice stopped it is stopped. */
async function leavesNothing(service: Service, killed = false): Promise<void> {
  const pids = processTree(service.pid as number)
  expect(existsSync(service.folder)).toBe(true)
  if (killed) await service.kill()
  await service.close()
  await service.close()
  expect(pids.filter(isAlive)).toEqual([])
  expect(existsSync(service.folder)).toBe(false)
  await expect(service.restart()).rejects.toThrow('was stopped')
}

describeWith({ mosquitto: 'own', redis: {} }, 'a service that cannot start', ({ mosquitto, redis }) => {
  it('says why, with its log, and leaves nothing', async () => {
    await expect(mosquitto.start({ config: ['no_such_setting true'] })).rejects.toThrow(
      /mosquitto did not start on port \d+: it ended with 3[\s\S]*no_such_setting/,
    )
  })

  it('says so when the port is taken', async () => {
    const { port } = redis()
    await expect(redis.start({ port })).rejects.toThrow(`port ${port} is in use`)
  })
})
