import { describe, expect, test } from 'vitest'
import { contentOf, heard, online, Station, send, until, world } from './testing/command-world.js'

const ANSWER = { previous: 300, at: '2026-01-05T00:00:00Z' }

describe('a command to a connected device', () => {
  test('is published with its id, and resolves with the typed result', async () => {
    const of = world()
    await online(of, 'a')
    const sent = await of.hub.commands.send(Station, 'a', 'set_interval', { interval: 60 })
    const result = sent.result()
    await until('the publication', () => of.published.length === 1)
    const [message] = of.published
    expect(message).toMatchObject({
      topic: 'things/station/a/cmd',
      qos: 1,
      contentType: 'application/json',
      correlationId: sent.id,
      responseTopic: 'things/station/a/response',
      userProperties: { command: 'set_interval' },
      expiresIn: '30000ms',
    })
    const content = contentOf(message as never)
    expect(content).toEqual({
      command: 'set_interval',
      payload: { interval: 60, unit: 's' },
      id: sent.id,
      expires_at: expect.any(String),
    })
    const left = Date.parse(content.expires_at as string) - Date.now()
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThanOrEqual(30_000)

    await send(of, 'a', 'response', { id: sent.id, command: 'set_interval', status: 'accepted' })
    await until('accepted', async () => (await sent.get()).state === 'accepted')
    await send(of, 'a', 'response', { id: sent.id, status: 'succeeded', result: ANSWER })
    expect(await result).toEqual({ previous: 300, at: new Date('2026-01-05T00:00:00Z') })
    expect(await sent.get()).toMatchObject({
      state: 'succeeded',
      payload: { interval: 60, unit: 's' },
      result: ANSWER,
      attempts: 1,
      sentAt: expect.any(Date),
      acceptedAt: expect.any(Date),
      finishedAt: expect.any(Date),
      reason: null,
    })
  })

  test('is told by deviceCommandSent and onCommandResponse, and leaves rows in the log, in order', async () => {
    const of = world()
    await online(of, 'a')
    const sent = await of.hub.commands.send(Station, 'a', 'set_interval', { interval: 60 })
    await until('the row', async () => (await sent.get()).state === 'sent')
    await send(of, 'a', 'response', { id: sent.id, status: 'accepted' })
    await send(of, 'a', 'response', { id: sent.id, status: 'succeeded', result: ANSWER })
    await until('the hooks', () => heard.length === 2)
    expect(heard).toEqual([
      { command: 'set_interval', status: 'accepted', result: null, error: null },
      {
        command: 'set_interval',
        status: 'succeeded',
        result: { previous: 300, at: new Date('2026-01-05T00:00:00Z') },
        error: null,
      },
    ])
    expect(
      of.announced.filter(({ name }) => name === 'deviceCommandSent').map(({ event }) => event),
    ).toMatchObject([
      {
        device: { deviceId: 'a' },
        command: 'set_interval',
        payload: { interval: 60, unit: 's' },
        id: sent.id,
      },
    ])
    const { items } = await of.hub.messages.list(Station, { deviceId: 'a' })
    expect(
      [...items].reverse().map(({ direction, channel, status }) => [direction, channel, status]),
    ).toEqual([
      ['in', 'status', 'processed'],
      ['out', 'cmd', 'processed'],
      ['in', 'response', 'processed'],
      ['in', 'response', 'processed'],
    ])
  })

  test.each([
    ['failed', 'command_failed'],
    ['rejected', 'command_rejected'],
  ] as const)('that answers %s rejects with %s and the reason', async (status, code) => {
    const of = world()
    await online(of, 'a')
    const sent = await of.hub.commands.send(Station, 'a', 'reboot')
    await until('the publication', () => of.published.length === 1)
    await send(of, 'a', 'response', { id: sent.id, status, error: 'valve stuck' })
    await expect(sent.result()).rejects.toMatchObject({
      code,
      details: { reason: 'valve stuck', id: sent.id },
    })
  })

  test('is answered by the correlation data where the payload names no id', async () => {
    const of = world()
    await online(of, 'a')
    const sent = await of.hub.commands.send(Station, 'a', 'reboot')
    await until('the publication', () => of.published.length === 1)
    await send(of, 'a', 'response', { status: 'succeeded', result: 7 }, { correlationId: sent.id })
    expect(await sent.result()).toBe(7)
  })

  test('a reply that is faster than the note of the publication counts', async () => {
    const of = world()
    await online(of, 'a')
    let sentId = ''
    of.onPublish = async (message) => {
      sentId = message.correlationId ?? ''
      await send(of, 'a', 'response', { id: sentId, status: 'succeeded' })
    }
    const sent = await of.hub.commands.send(Station, 'a', 'reboot')
    expect(await sent.result()).toBeNull()
    await until('the note', async () => (await sent.get()).attempts === 1)
    expect(await sent.get()).toMatchObject({ state: 'succeeded', sentAt: expect.any(Date) })
  })

  test('times out by the ledger, and a late reply is recorded and changes nothing', async () => {
    const of = world()
    await online(of, 'a')
    const sent = await of.hub.commands.send(Station, 'a', 'reboot', undefined, { timeout: 0.05 })
    await expect(sent.result()).rejects.toMatchObject({
      code: 'command_timed_out',
      message: expect.stringContaining('the device did not answer within 0.05 s'),
    })
    expect(await send(of, 'a', 'response', { id: sent.id, status: 'succeeded' })).toMatchObject({
      status: 'stored',
    })
    expect((await sent.get()).state).toBe('timed_out')
    const { items } = await of.hub.messages.list(Station, { deviceId: 'a', channel: 'response' })
    expect(items[0]).toMatchObject({ status: 'processed', flags: 'late_reply' })
    const [decided] = (await of.hub.messages.list(Station, { channel: 'cmd' })).items
    expect(decided).toMatchObject({ direction: 'hub', deviceId: 'a', correlationId: sent.id })
    expect(JSON.parse(decided?.payloadJson ?? '')).toMatchObject({ id: sent.id, state: 'timed_out' })
    expect(of.published).toHaveLength(1)
    expect(heard).toEqual([])
  })

  test('is sent again with the same id, as often as retries say, and announced once', async () => {
    const of = world()
    await online(of, 'a')
    const sent = await of.hub.commands.send(Station, 'a', 'reboot', undefined, { timeout: 0.05, retries: 2 })
    await expect(sent.result()).rejects.toMatchObject({
      details: { reason: expect.stringContaining('3 times') },
    })
    expect(of.published.map(({ correlationId }) => correlationId)).toEqual([sent.id, sent.id, sent.id])
    expect((await sent.get()).attempts).toBe(3)
    expect(of.announced.filter(({ name }) => name === 'deviceCommandSent')).toHaveLength(1)
  })

  test('that was accepted is not sent again', async () => {
    const of = world()
    await online(of, 'a')
    const sent = await of.hub.commands.send(Station, 'a', 'reboot', undefined, { timeout: 0.3, retries: 5 })
    await until('the publication', async () => (await sent.get()).state === 'sent')
    await send(of, 'a', 'response', { id: sent.id, status: 'accepted' })
    await expect(sent.result()).rejects.toMatchObject({
      details: { reason: expect.stringContaining('accepted it') },
    })
    expect(of.published).toHaveLength(1)
  })

  test('repeated replies are duplicates; one that contradicts the end is recorded', async () => {
    const of = world()
    await online(of, 'a')
    const sent = await of.hub.commands.send(Station, 'a', 'reboot')
    await until('the publication', () => of.published.length === 1)
    const outcomes = []
    for (const status of ['accepted', 'accepted', 'succeeded', 'succeeded', 'accepted', 'failed'])
      outcomes.push((await send(of, 'a', 'response', { id: sent.id, status })).status)
    expect(outcomes).toEqual(['stored', 'duplicate', 'stored', 'duplicate', 'duplicate', 'stored'])
    expect((await sent.get()).state).toBe('succeeded')
    await until('the hooks', () => heard.length === 2)
  })

  test('that is cancelled has its end; cancelling again says no', async () => {
    const of = world()
    await online(of, 'a')
    const sent = await of.hub.commands.send(Station, 'a', 'reboot')
    const result = sent.result()
    expect(await sent.cancel('changed my mind')).toBe(true)
    expect(await of.hub.commands.cancel(sent.id)).toBe(false)
    await expect(result).rejects.toMatchObject({
      code: 'command_cancelled',
      details: { reason: 'changed my mind' },
    })
    await send(of, 'a', 'response', { id: sent.id, status: 'succeeded' })
    expect((await sent.get()).state).toBe('cancelled')
  })
})

describe('a command to a device that is not connected', () => {
  test('waits and is sent, in order, when the device comes back', async () => {
    const of = world()
    await of.hub.devices.create(Station, { deviceId: 'a' })
    for (const interval of [1, 2, 3, 4, 5])
      await of.hub.commands.send(Station, 'a', 'set_interval', { interval })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(of.published).toEqual([])
    await online(of, 'a')
    await until('the publications', () => of.published.length === 5)
    expect(of.published.map((one) => (contentOf(one).payload as { interval: number }).interval)).toEqual([
      1, 2, 3, 4, 5,
    ])
  })

  test('is sent when the device is set online by hand', async () => {
    const of = world()
    await of.hub.devices.create(Station, { deviceId: 'a' })
    await of.hub.commands.send(Station, 'a', 'reboot')
    await of.hub.devices.update(Station, 'a', { status: 'online' })
    await until('the publication', () => of.published.length === 1)
  })

  test('expires', async () => {
    const of = world()
    await of.hub.devices.create(Station, { deviceId: 'a' })
    const sent = await of.hub.commands.send(Station, 'a', 'reboot', undefined, { expiresIn: 0.05 })
    await expect(sent.result()).rejects.toMatchObject({ code: 'command_expired' })
    await online(of, 'a')
    expect(of.published).toEqual([])
  })

  test('is refused at once with onOffline fail, and nothing is in the ledger', async () => {
    const of = world()
    await of.hub.devices.create(Station, { deviceId: 'a' })
    await expect(
      of.hub.commands.send(Station, 'a', 'reboot', undefined, { onOffline: 'fail' }),
    ).rejects.toMatchObject({ code: 'device_offline' })
    expect((await of.hub.commands.list()).items).toEqual([])
  })

  test('is sent all the same with onOffline send', async () => {
    const of = world()
    await of.hub.devices.create(Station, { deviceId: 'a' })
    await of.hub.commands.send(Station, 'a', 'reboot')
    await of.hub.commands.send(Station, 'a', 'set_interval', { interval: 1 }, { onOffline: 'send' })
    await until('the publication', () => of.published.length === 1)
    expect(contentOf(of.published[0] as never).command).toBe('set_interval')
  })

  test('that is answered while it is queued has its end, and is never sent', async () => {
    const of = world()
    await of.hub.devices.create(Station, { deviceId: 'a' })
    const sent = await of.hub.commands.send(Station, 'a', 'set_interval', { interval: 60 })
    await send(of, 'a', 'response', { id: sent.id, status: 'failed', error: 'stuck' })
    expect(await sent.get()).toMatchObject({ state: 'failed', reason: 'stuck', sentAt: null, attempts: 0 })
    const next = await of.hub.commands.send(Station, 'a', 'set_interval', { interval: 61 })
    await online(of, 'a')
    await until('the publication', () => of.published.length === 1)
    expect(of.published.map((message) => contentOf(message).id)).toEqual([next.id])
  })

  test('is cancelled while it waits, and never sent', async () => {
    const of = world()
    await of.hub.devices.create(Station, { deviceId: 'a' })
    const sent = await of.hub.commands.send(Station, 'a', 'reboot')
    expect(await sent.cancel()).toBe(true)
    await online(of, 'a')
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(of.published).toEqual([])
  })

  test('is cancelled when the device is deleted or deactivated meanwhile', async () => {
    const of = world()
    for (const deviceId of ['gone', 'idle']) await of.hub.devices.create(Station, { deviceId })
    const gone = await of.hub.commands.send(Station, 'gone', 'reboot')
    const idle = await of.hub.commands.send(Station, 'idle', 'reboot')
    await of.hub.devices.delete(Station, 'gone')
    await of.hub.devices.update(Station, 'idle', { status: 'online', isActive: false })
    await expect(gone.result()).rejects.toMatchObject({ details: { reason: 'the device was deleted' } })
    await expect(idle.result()).rejects.toMatchObject({ details: { reason: 'the device is deactivated' } })
    expect(of.published).toEqual([])
  })
})
