import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { createRawClient } from '../publisher/raw-client.js'
import { describeWith } from './describe-with.js'

const SESSION = { clientId: 'kept', clean: false }

/** Command lines of whatever has the folder in its environment: a daemon that left its parent too. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const mine = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(folder)
      return mine ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? ''] : []
    } catch {
      return []
    }
  })
}

describeWith({ rabbitmq: 'own' }, 'rabbitmq', ({ rabbitmq }) => {
  // Slow to start, so one instance goes through all of its life.
  it('keeps a session and its message over a kill, and leaves no process and no folder', async () => {
    const service = await rabbitmq.start({ maxInflight: 2 })
    const { port, folder } = service
    expect(service.url).toBe(`mqtt://127.0.0.1:${port}`)
    for (const program of [/\/beam\.smp$/m, /epmd$/m]) expect(processesOf(folder).join('\n')).toMatch(program)

    const client = { port, protocolVersion: 4 } as const
    const away = await createRawClient({ ...client, connect: SESSION })
    await away.subscribe('plant/+')
    await away.destroy()
    await using publisher = await createRawClient(client)
    for (let n = 0; n < 3; n++) await publisher.publish('plant/1', `kept ${n}`)

    await service.kill()
    expect(service.pid).toBeUndefined()
    expect(processesOf(folder)).toEqual([])
    await service.restart()

    const back = await createRawClient({ ...client, connect: SESSION })
    expect(back.connack.sessionPresent).toBe(true)
    const first = await back.next('publish')
    expect([String(first.payload), String((await back.next('publish')).payload)]).toEqual([
      'kept 0',
      'kept 1',
    ])
    // Its window of two is full until one is acknowledged.
    back.send({ cmd: 'pingreq' })
    await back.next('pingresp')
    expect(back.received.filter(({ cmd }) => cmd === 'publish')).toHaveLength(2)
    back.acknowledge(first)
    expect(String((await back.next('publish')).payload)).toBe('kept 2')
    await back.destroy()

    service.pause()
    await service.close()
    expect(processesOf(folder)).toEqual([])
    expect(existsSync(folder)).toBe(false)
    await expect(service.restart()).rejects.toThrow('was stopped')
  })
})

const asked: { path: string; body: URLSearchParams }[] = []
const backend = createServer(async (request, response) => {
  const body = new URLSearchParams(await text(request))
  asked.push({ path: request.url as string, body })
  response.end(body.get('username') === 'ann' ? 'allow' : 'deny')
}).listen(0, '127.0.0.1')
await once(backend, 'listening')
backend.unref()
const url = (path: string) => `http://127.0.0.1:${(backend.address() as AddressInfo).port}/${path}`

describeWith(
  {
    rabbitmq: {
      httpAuth: { user: url('user'), vhost: url('vhost'), resource: url('resource'), topic: url('topic') },
    },
  },
  'rabbitmq with httpAuth',
  ({ rabbitmq }) => {
    it('asks the URLs, and lets nobody in without a password', async () => {
      const connect = async (credentials: object) => {
        const { port } = rabbitmq()
        return createRawClient({ port, protocolVersion: 4, connect: credentials })
      }
      await using ann = await connect({ clientId: 'a', username: 'ann', password: Buffer.from('secret') })
      expect(ann.connack.returnCode).toBe(0)
      await ann.subscribe('plant/+')
      expect(asked.find(({ path }) => path === '/user')?.body.get('password')).toBe('secret')
      expect(new Set(asked.map(({ path }) => path))).toEqual(
        new Set(['/user', '/vhost', '/resource', '/topic']),
      )

      await using bob = await connect({ username: 'bob', password: Buffer.from('secret') })
      expect(bob.connack.returnCode).toBe(4)
      await using nobody = await connect({})
      expect(nobody.connack.returnCode).not.toBe(0)
    })
  },
)
