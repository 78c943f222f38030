import { createRawClient, startHiveMq } from '@devicehub/test-kit'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'vitest'

test('debug', async () => {
  const broker = await startHiveMq({ receiveMaximum: 100 })
  for (const [rmA, clean] of [[2000, false], [2000, true], [100, false], [20, false]] as const) {
    const mk = async (id: string, acknowledge: boolean, receiveMaximum: number) => {
      const c = await createRawClient({ port: broker.port, acknowledge, connect: { clientId: id + rmA + clean, clean, properties: { sessionExpiryInterval: 600, receiveMaximum } } })
      await c.subscribe(`$share/g${rmA}${clean}/t/${rmA}${clean}`, 1)
      return c
    }
    const a = await mk('a', true, rmA)
    const b = await mk('b', false, 20)
    const device = await createRawClient({ port: broker.port })
    for (let at = 0; at < 1000; at += 50) await Promise.all(Array.from({ length: 50 }, (_, n) => device.publish(`t/${rmA}${clean}`, `${at + n}`)))
    await sleep(2000)
    console.log(rmA, clean, 'a', a.received.filter((p) => p.cmd === 'publish').length, 'b', b.received.filter((p) => p.cmd === 'publish').length)
  }
  await broker.stop()
})
