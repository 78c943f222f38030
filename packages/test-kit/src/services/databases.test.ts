import { describe, expect, it } from 'vitest'
import { startMariadb } from './mariadb.js'
import { startMosquitto } from './mosquitto.js'
import { startPostgres } from './postgres.js'
import { startRedis } from './redis.js'

describe('quick', () => {
  for (const start of [startMariadb, startPostgres])
    it(start.name, async () => {
      const t = Date.now()
      await using s = await start()
      const a = Date.now()
      const db = await s.createDatabase()
      expect(await s.sql('create table a(x int); insert into a values (1); select x,2 from a', db.name)).toBe(
        '1\t2',
      )
      const b = Date.now()
      await s.kill()
      const c = Date.now()
      await s.restart()
      const d = Date.now()
      expect(await s.sql('select x,2 from a', db.name)).toBe('1\t2')
      await s.stop()
      console.log(start.name, a - t, b - a, c - b, d - c)
    })
  it('mosquitto', async () => {
    const t = Date.now()
    await using s = await startMosquitto({
      tls: true,
      websockets: true,
      dynamicSecurity: { username: 'admin', password: 'x' },
    })
    const a = Date.now()
    await s.save()
    const b = Date.now()
    await s.kill()
    await s.restart()
    console.log(s, a - t, b - a, s.logs())
  })
  it('redis', async () => {
    const t = Date.now()
    await using s = await startRedis()
    console.log(s.url, Date.now() - t)
  })
})
