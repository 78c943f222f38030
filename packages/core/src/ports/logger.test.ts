import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DeviceHubError } from '../model/errors.js'
import { consoleLogger } from './logger.js'

describe('the console logger', () => {
  const lines: string[] = []
  beforeEach(() => {
    vi.spyOn(console, 'error').mockImplementation((line) => void lines.push(String(line)))
  })
  afterEach(() => {
    vi.restoreAllMocks()
    lines.length = 0
  })
  const line = () => JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>
  const logged = (fields: object, text = 'the text') => {
    consoleLogger.warn(fields as never, text)
    expect(lines.at(-1)).not.toContain('\n')
    return line()
  }

  test('writes one line of JSON: level, time, text, fields', () => {
    expect(logged({ device: 'D-1', count: 3 })).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      message: 'the text',
      device: 'D-1',
      count: 3,
    })
    consoleLogger.error({}, 'worse')
    expect(line()).toMatchObject({ level: 'error', message: 'worse' })
  })

  test('keeps its text, level and time whatever the fields are called', () => {
    expect(logged({ message: { id: 7 }, level: 85, time: 'noon' })).toMatchObject({
      level: 'warn',
      message: 'the text',
      message_: { id: 7 },
      level_: 85,
      time_: 'noon',
    })
  })

  test('shows an error with its code and its causes', () => {
    const cause = new Error('ECONNREFUSED')
    const err = new DeviceHubError('storage_unavailable', 'away', { cause })
    expect(logged({ err, nested: { err: cause } })).toMatchObject({
      err: {
        message: 'away',
        code: 'storage_unavailable',
        stack: expect.any(String),
        cause: { message: 'ECONNREFUSED' },
      },
      nested: { err: { message: 'ECONNREFUSED' } },
    })
    const loop = new Error('loop')
    loop.cause = loop
    expect(logged({ err: loop })).toMatchObject({ err: { message: 'loop' } })
  })

  test('never throws, and loses no other field over one that is no JSON', () => {
    const circular: Record<string, unknown> = { name: 'c' }
    circular.self = circular
    const shared = { twice: true }
    const thrower = {
      toJSON() {
        throw new Error('no JSON of me')
      },
    }
    const fields = {
      big: 12n,
      deep: { list: [1n] },
      circular,
      shared: [shared, shared],
      thrower,
      bytes: new Uint8Array(3),
      nothing: undefined,
      call: () => {},
      symbol: Symbol('s'),
      get broken() {
        throw new Error('no value of me')
      },
      last: 'there',
    }
    expect(logged(fields)).toMatchObject({
      message: 'the text',
      big: '12',
      deep: { list: ['1'] },
      circular: { name: 'c', self: '[circular]' },
      shared: [shared, shared],
      thrower: '[not readable: no JSON of me]',
      bytes: '[3 bytes]',
      broken: '[not readable: no value of me]',
      last: 'there',
    })
    for (const odd of [
      null,
      undefined,
      3,
      'text',
      Object.create(null),
      new Proxy({}, { ownKeys: () => [1 as never] }),
    ])
      expect(logged(odd as never)).toMatchObject({ message: 'the text' })
  })
})
