import type { Selector } from '@devicehub/core'
import { conditionOf, type DeviceListPage, type DeviceRecord, EVERY_DEVICE } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { device, Meter, Sensor, T0 } from '../fixtures.js'
import { everyDevice, freshStorage, type StorageContract } from '../harness.js'

export function deviceListContract(contract: StorageContract): void {
  describe('lists of devices', () => {
    test('newest first, then by id, in pages without a gap or a repetition', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const records = Array.from({ length: 23 }, (_, index) =>
        device(Sensor, `d${String((index * 7) % 23).padStart(2, '0')}`, { createdAt: T0 + (index % 3) }),
      )
      await storage.devices.ensure(Sensor, records)
      const expected = [...records]
        .sort((a, b) => b.createdAt - a.createdAt || (a.deviceId < b.deviceId ? 1 : -1))
        .map(({ deviceId }) => deviceId)
      for (const limit of [1, 5, 23, 100]) {
        const { items, sizes } = await everyDevice(storage, Sensor, EVERY_DEVICE, { limit })
        expect(items.map(({ deviceId }) => deviceId)).toEqual(expected)
        expect(sizes).toHaveLength(Math.ceil(23 / limit))
      }
      expect(await storage.devices.list(Meter, EVERY_DEVICE, { limit: 5 })).toEqual({
        items: [],
        more: false,
      })
    })

    test('a device created or deleted between two pages does not affect the others', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const ids = Array.from({ length: 10 }, (_, index) => `d${index}`)
      await storage.devices.ensure(
        Sensor,
        ids.map((id, index) => device(Sensor, id, { createdAt: T0 + index })),
      )
      const first = await storage.devices.list(Sensor, EVERY_DEVICE, { limit: 4 })
      await storage.devices.create(Sensor, device(Sensor, 'newer', { createdAt: T0 + 100 }))
      await storage.devices.delete(Sensor, 'd6', 0)
      await storage.devices.delete(Sensor, 'd3', 0)
      const after = first.items.at(-1)?.position
      const second = await storage.devices.list(Sensor, EVERY_DEVICE, { limit: 10, after })
      expect(idsOf(first)).toEqual(['d9', 'd8', 'd7', 'd6'])
      expect(idsOf(second)).toEqual(['d5', 'd4', 'd2', 'd1', 'd0'])
    })

    test('filters by status, activity and search, and all of them together', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const make = (deviceId: string, name: string, more: Partial<DeviceRecord> = {}) =>
        device(Sensor, deviceId, { name, createdAt: T0 + deviceId.charCodeAt(0), ...more })
      await storage.devices.ensure(Sensor, [
        make('a-100%', 'Roof'),
        make('b-1000', 'roof_top', { status: 'online' }),
        make('c_x', 'Cellar', { isActive: false }),
        make('d-X', 'ROOF 漢字 [a]', { status: 'online', isActive: false }),
        make("e'q", 'back\\slash'),
      ])
      const found = async (selector: Selector) =>
        idsOf(await storage.devices.list(Sensor, conditionOf(Sensor, selector), { limit: 10 }))
          .map(([letter]) => letter)
          .join('')
      expect(await found({ status: 'online' })).toBe('db')
      expect(await found({ isActive: false })).toBe('dc')
      expect(await found({ isActive: true })).toBe('eba')
      expect(await found({ search: 'roof' })).toBe('dba')
      expect(await found({ search: 'ROOF' })).toBe('dba')
      expect(await found({ search: '-x' })).toBe('d')
      expect(await found({ search: '%' })).toBe('a')
      expect(await found({ search: '_' })).toBe('cb')
      expect(await found({ search: '0%' })).toBe('a')
      expect(await found({ search: '\\' })).toBe('e')
      expect(await found({ search: '\\s' })).toBe('e')
      expect(await found({ search: "'" })).toBe('e')
      expect(await found({ search: '漢' })).toBe('d')
      expect(await found({ search: '[a' })).toBe('d')
      expect(await found({ search: '' })).toBe('edcba')
      expect(await found({ search: 'nothing like it' })).toBe('')
      expect(await found({ search: 'roof', status: 'online', isActive: true })).toBe('b')
      const roof = conditionOf(Sensor, { search: 'roof' })
      const pages = await everyDevice(storage, Sensor, roof, { limit: 1 })
      expect(pages.items.map(({ deviceId }) => deviceId)).toEqual(['d-X', 'b-1000', 'a-100%'])
    })

    test('a search folds A to Z and no other letter', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const names = [
        'ÄÖ',
        'äö',
        'İ',
        'i',
        'I',
        'ı',
        '\u212A',
        'k',
        'K',
        'ß',
        'SS',
        'é',
        'e\u0301',
        'a%B',
        'a_B',
        'a\\B',
      ]
      names.push(
        'x.Y',
        '[x]',
        '(x',
        'x*',
        '^x$',
        'a|b',
        'x+?',
        '{2}',
        'a-Z',
        '~!@#&/',
        'two\nlines',
        'a\\Qb',
        '🌡️',
        '漢字',
      )
      await storage.devices.ensure(
        Sensor,
        names.map((name, index) =>
          device(Sensor, `#${String(index).padStart(3, '0')}`, { name, createdAt: T0 - index }),
        ),
      )
      const lower = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
      const part = (text: string) => [
        text,
        text.slice(1),
        text.slice(0, -1),
        text.toUpperCase(),
        text.toLowerCase(),
      ]
      for (const search of new Set(
        names.flatMap(part).filter((text) => text !== '' && !/\p{Surrogate}/u.test(text)),
      )) {
        const { items } = await storage.devices.list(Sensor, conditionOf(Sensor, { search }), { limit: 100 })
        expect(
          items.map(({ record }) => record.name),
          JSON.stringify(search),
        ).toEqual(names.filter((name) => lower(name).includes(lower(search))))
      }
    })
  })
}

const idsOf = ({ items }: DeviceListPage): string[] => items.map(({ record }) => record.deviceId)
