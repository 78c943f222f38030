import { expect, it } from 'vitest'
import { describeWith } from './describe-with.js'
import { answersMqtt } from './mqtt-probe.js'

describeWith({ hivemq: {}, timescaledb: {} }, 'x', ({ hivemq }) => {
  it('no', async () => {
    hivemq().pid
  })
})
describeWith(['hivemq'], 'HiveMQ', ({ hivemq }) => {
  it('starts', async () => {
    const t = Date.now()
    console.log(hivemq().url)
    await hivemq().kill()
    await hivemq().restart()
    console.log(Date.now() - t, hivemq().logs())
    expect(await answersMqtt(hivemq().port)).toBe(true)
  })
})
