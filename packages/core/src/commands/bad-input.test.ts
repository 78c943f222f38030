import { describe, expect, test } from 'vitest'
import { online, Station, send, until, world } from './testing/command-world.js'

describe('a bad command', () => {
  test.each([
    ['an unknown device', 'device_not_found', ['nobody', 'reboot']],
    ['an inactive device', 'device_inactive', ['idle', 'reboot']],
    ['an unknown name', 'unknown_command', ['a', 'explode']],
    ['the name of a member of every object', 'unknown_command', ['a', 'toString']],
    ['a payload that does not fit', 'invalid_payload', ['a', 'set_interval', { interval: -1 }]],
    ['a missing payload', 'invalid_payload', ['a', 'set_interval']],
    ['a payload for a command without one', 'invalid_payload', ['a', 'reboot', { now: true }]],
    ['an id that could leave its level', 'invalid_device_id', ['a/../b', 'reboot']],
    ['a timeout of nothing', 'invalid_options', ['a', 'reboot', undefined, { timeout: 0 }]],
    ['a timeout that is no number', 'invalid_options', ['a', 'reboot', undefined, { timeout: '5' }]],
    ['half a retry', 'invalid_options', ['a', 'reboot', undefined, { retries: 0.5 }]],
    ['a policy that is none', 'invalid_options', ['a', 'reboot', undefined, { onOffline: 'wait' }]],
  ])('%s: %s, and nothing is in the ledger', async (_, code, [deviceId, name, ...rest]) => {
    const of = world()
    await online(of, 'a')
    await of.hub.devices.create(Station, { deviceId: 'idle', isActive: false })
    const untyped = of.hub.commands.send as (...args: unknown[]) => Promise<unknown>
    await expect(untyped(Station, deviceId, name, ...rest)).rejects.toMatchObject({ code })
    expect((await of.hub.commands.list()).items).toEqual([])
    expect(of.published).toEqual([])
  })

  test('too large a payload, and ids that do not exist', async () => {
    const of = world(undefined, { commands: { maxPayload: 20 } })
    await online(of, 'a')
    const payload = { interval: 1, unit: 'x'.repeat(20) }
    await expect(of.hub.commands.send(Station, 'a', 'set_interval', payload)).rejects.toMatchObject({
      code: 'invalid_payload',
    })
    expect(await of.hub.commands.get('nothing')).toBeNull()
    for (const call of [of.hub.commands.cancel('nothing'), of.hub.commands.wait('nothing')])
      await expect(call).rejects.toMatchObject({ code: 'command_not_found' })
  })
})

describe('a hostile reply', () => {
  async function sentTo(deviceId: string, name: 'reboot' | 'set_interval' = 'reboot') {
    const of = world()
    await online(of, deviceId)
    await online(of, 'mallory')
    const sent =
      name === 'reboot'
        ? await of.hub.commands.send(Station, deviceId, name)
        : await of.hub.commands.send(Station, deviceId, name, { interval: 1 })
    await until('the publication', async () => (await sent.get()).state === 'sent')
    return { of, sent }
  }

  test("of another device is rejected as unknown, and the command waits for its own device's", async () => {
    const { of, sent } = await sentTo('a')
    const outcome = await send(of, 'mallory', 'response', { id: sent.id, status: 'failed' })
    expect(outcome).toMatchObject({ status: 'rejected', code: 'unknown_command' })
    expect((await sent.get()).state).toBe('sent')
    await send(of, 'a', 'response', { id: sent.id, status: 'succeeded', result: 1 })
    expect(await sent.result()).toBe(1)
  })

  test.each([
    ['an unknown id', { id: 'nothing', status: 'succeeded' }, 'unknown_command'],
    ['no id', { status: 'succeeded' }, 'invalid_shape'],
    ['an id that is no text', { id: { $gt: '' }, status: 'succeeded' }, 'invalid_shape'],
    ['an id that is long', { id: 'x'.repeat(65), status: 'succeeded' }, 'invalid_shape'],
    ['a status of the hub', { id: 'ID', status: 'cancelled' }, 'invalid_shape'],
    ['no status', { id: 'ID' }, 'invalid_shape'],
    ['a list', [1], 'invalid_shape'],
    ['no JSON', '{"id":', 'invalid_json'],
  ])('with %s is recorded as rejected', async (_, reply, code) => {
    const { of, sent } = await sentTo('a')
    const given = JSON.parse(JSON.stringify(reply).replace('"ID"', JSON.stringify(sent.id)))
    expect(await send(of, 'a', 'response', given)).toMatchObject({ status: 'rejected', code })
    expect((await sent.get()).state).toBe('sent')
  })

  test.each([
    ['does not fit the schema', { previous: 'x', at: '2026-01-05T00:00:00Z' }, 'result.previous'],
    ['is missing', undefined, 'result'],
    ['has a megabyte less a little', { previous: 1, at: 'x'.repeat(1_000_000) }, 'bytes'],
  ])('whose result %s fails the command and says so', async (_, result, problem) => {
    const { of, sent } = await sentTo('a', 'set_interval')
    await send(of, 'a', 'response', { id: sent.id, status: 'succeeded', result })
    await expect(sent.result()).rejects.toMatchObject({
      code: 'command_failed',
      details: { reason: expect.stringMatching(new RegExp(`^invalid_result: .*${problem}`)) },
    })
    const { items } = await of.hub.messages.list(Station, { channel: 'response' })
    expect(items[0]).toMatchObject({ flags: 'invalid_result', status: 'processed' })
    expect((await sent.get()).result).toBeNull()
  })

  test('of more than a payload may have is not kept', async () => {
    const { of, sent } = await sentTo('a')
    const reply = { id: sent.id, status: 'succeeded', result: 'x'.repeat(1 << 20) }
    expect(await send(of, 'a', 'response', reply)).toMatchObject({ code: 'payload_too_large' })
    expect((await sent.get()).state).toBe('sent')
  })

  test('with an error that is no text, or full of control characters, is kept as a line', async () => {
    const { of, sent } = await sentTo('a')
    const error = `a\u0000b\u001b[2J${'x'.repeat(5_000)}`
    await send(of, 'a', 'response', { id: sent.id, status: 'failed', error })
    const { reason } = await sent.get()
    expect(reason).toMatch(/^a\?b\?\[2Jx+\.\.\.$/)
    expect(reason).toHaveLength(1000)
  })
})
