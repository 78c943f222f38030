import { setTimeout as sleep } from 'node:timers/promises'
import { createRawClient, startHiveMq } from '@devicehub/test-kit'
import { test } from 'vitest'

test('debug', async () => {
  const broker = await startHiveMq({ receiveMaximum: 100 })
  let stuckRounds = 0
  for (let round = 0; round < 24 && stuckRounds < 8; round++) {
    const mode = ['unsub-ack-end', 'ack-end', 'unsub-end', 'ack-unsub-end'][stuckRounds % 4] as string
    const T = `t/${round}`
    const F = `$share/g${round}/${T}`
    const conn = (id: string, acknowledge: boolean, rm = 20) =>
      createRawClient({
        port: broker.port,
        acknowledge,
        connect: {
          clientId: id + round,
          clean: false,
          properties: { sessionExpiryInterval: 600, receiveMaximum: rm },
        },
      })
    const [a, b] = await Promise.all([conn('a', true, 2000), conn('b', false)])
    await Promise.all([a.subscribe(F, 1), b.subscribe(F, 1)])
    const device = await createRawClient({ port: broker.port })
    const pub = async (n: number) => {
      for (let at = 0; at < n; at += 50)
        await Promise.all(Array.from({ length: 50 }, (_, n) => device.publish(T, `${at + n}`)))
    }
    const pubs = (c: any) => c.received.filter((p: any) => p.cmd === 'publish')
    const log: string[] = []
    const show = (w: string) => log.push(`${w}: a ${pubs(a).length} b ${pubs(b).length}`)
    await pub(500)
    await sleep(500)
    const stuck = pubs(a).length + pubs(b).length < 500
    if (!stuck) {
      await a.disconnect()
      await b.disconnect()
      await device.disconnect()
      continue
    }
    stuckRounds++
    show('stuck')
    const ack = async () => {
      let acked = 0
      for (let i = 0; i < 10; i++) {
        const all = pubs(b)
        if (all.length > acked) {
          b.acknowledge(...all.slice(acked))
          acked = all.length
        }
        await sleep(50)
      }
    }
    const unsub = async () => {
      b.send({ cmd: 'unsubscribe', messageId: 999, unsubscriptions: [F] } as any)
      await b.next('unsuback')
    }
    for (const step of mode.split('-')) {
      if (step === 'unsub') await unsub()
      if (step === 'ack') await ack()
      if (step === 'end') {
        b.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } })
        await b.closed
      }
      await sleep(500)
      show(step)
    }
    await pub(50)
    await sleep(500)
    show('50 more')
    await a.subscribe(F, 1)
    await sleep(500)
    show('a resubscribed')
    await a.disconnect()
    const a2 = await conn('a', true, 2000)
    await sleep(1000)
    log.push('a reconnected: ' + pubs(a2).length)
    console.log('ROUND', round, mode, log.join(' | '))
    await device.disconnect()
    await a2.disconnect()
  }
  await broker.stop()
})
