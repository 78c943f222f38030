import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { performance } from 'node:perf_hooks'
import { defineDeviceType, reading } from '@devicehub/core'
import BetterSqlite from 'better-sqlite3'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { kyselyStorage, sqliteDialect } from '/work/main/packages/storage-kysely/src/index.ts'

const Station = defineDeviceType('bench', {
  readings: {
    temperature: reading.float(),
    humidity: reading.float(),
    pressure: reading.float(),
    battery: reading.integer(),
    ok: reading.boolean(),
  },
})
const T = Date.now()
let n = 0
const DEV = 200
function makeBatch(size: number) {
  const entries = []
  const now = T + n
  for (let i = 0; i < size; i++, n++) {
    const d = `STATION-${String(n % DEV).padStart(4, '0')}`
    const v = [20 + (n % 100) / 10, 50 + (n % 37) / 3, 1013.2, n % 100, n % 2 === 0]
    entries.push({
      type: Station,
      message: {
        deviceId: d,
        channel: 'data' as const,
        direction: 'in' as const,
        topic: `things/bench/${d}/data`,
        payloadJson: JSON.stringify({
          temperature: v[0],
          humidity: v[1],
          pressure: v[2],
          battery: v[3],
          ok: v[4],
          timestamp: now + i,
        }),
        payloadRaw: null,
        contentType: null,
        correlationId: null,
        userProperties: null,
        source: 'default',
        qos: 1 as const,
        redelivered: false,
        retained: false,
        status: 'processed' as const,
        code: null,
        reason: null,
        flags: null,
        receivedAt: now,
        processedAt: now + 2,
      },
      samples: [
        {
          deviceId: d,
          timestamp: now + i,
          receivedAt: now,
          sampleId: null,
          contentHash: (n * 7919) % 9007199254740991,
          flags: null,
          values: v,
        },
      ],
    })
  }
  return { entries, touches: [], changes: [] }
}
const cpu = () => {
  const u = (process as any).threadCpuUsage?.() ?? process.cpuUsage()
  return u.user + u.system
}

import { readFileSync } from 'node:fs'

// main thread cpu from /proc/self/task/<pid>/stat (utime+stime in ticks of 10 ms)
const threadCpu = () => {
  const f = readFileSync(`/proc/self/task/${process.pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(f[11]) + Number(f[12])) * 10000
}
async function run(
  name: string,
  size: number,
  commit: (b: any) => Promise<unknown> | unknown,
  total = 40000,
) {
  const batches = Array.from({ length: Math.ceil(total / size) }, () => makeBatch(size))
  await commit(makeBatch(size))
  await commit(makeBatch(size))
  let late = 0,
    last = performance.now()
  const timer = setInterval(() => {
    const t = performance.now()
    late = Math.max(late, t - last - 5)
    last = t
  }, 5)
  const c0 = threadCpu(),
    t0 = performance.now()
  for (const b of batches) await commit(b)
  const ms = performance.now() - t0,
    c = threadCpu() - c0
  clearInterval(timer)
  const count = batches.length * size
  console.log(
    `${name.padEnd(34)} batch ${String(size).padStart(5)}  ${((count / ms) * 1000).toFixed(0).padStart(7)} msg/s  main cpu ${(c / count).toFixed(2)} us/msg  loop max ${late.toFixed(0)} ms`,
  )
}
const sizes = [100, 750, 2000]
const which = process.argv[2] ?? 'all'
const fresh = (f: string) => {
  for (const s of ['', '-wal', '-shm']) rmSync(f + s, { force: true })
  return f
}
async function sqlite(thread: boolean, driver: any = 'better-sqlite3') {
  const file = fresh('/tmp/bench-dh.db')
  const st = kyselyStorage({
    db: new Kysely({ dialect: sqliteDialect({ file, thread, driver }) }),
    closeDb: true,
  }).open({ types: [Station] })
  await st.migrate()
  for (const s of sizes)
    await run(`sqlite ${driver} ${thread ? 'worker' : 'in-thread'}`, s, (b) => st.commit(b))
  await st.close()
}
async function sqliteHand() {
  const file = fresh('/tmp/bench-dh2.db')
  const st = kyselyStorage({
    db: new Kysely({ dialect: sqliteDialect({ file, thread: false, driver: 'better-sqlite3' }) }),
    closeDb: true,
  }).open({ types: [Station] })
  await st.migrate()
  await st.close()
  const db = new BetterSqlite(file)
  db.pragma('journal_mode=wal')
  db.pragma('synchronous=full')
  const m = db.prepare(
    `insert into bench_message (device_id,channel,direction,topic,payload_json,source,qos,redelivered,retained,processing_status,received_at,processed_at) values (?,?,?,?,?,?,?,?,?,?,?,?)`,
  )
  const r = db.prepare(
    `insert into bench_reading (device_id,timestamp,received_at,content_hash,temperature,humidity,pressure,battery,ok) values (?,?,?,?,?,?,?,?,?)`,
  )
  const tx = db.transaction((b: any) => {
    for (const e of b.entries) {
      const x = e.message
      m.run(
        x.deviceId,
        x.channel,
        x.direction,
        x.topic,
        x.payloadJson,
        x.source,
        x.qos,
        0,
        0,
        x.status,
        x.receivedAt,
        x.processedAt,
      )
      for (const s of e.samples)
        r.run(
          s.deviceId,
          s.timestamp,
          s.receivedAt,
          s.contentHash,
          s.values[0],
          s.values[1],
          s.values[2],
          s.values[3],
          s.values[4] ? 1 : 0,
        )
    }
  })
  for (const s of sizes) await run('sqlite hand-written loop', s, (b) => tx(b))
  db.close()
}
async function postgres(url: string) {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  const st = kyselyStorage({ db: new Kysely({ dialect: new PostgresDialect({ pool }) }) }).open({
    types: [Station],
  })
  await st.migrate()
  for (const s of sizes) await run('postgres storage', s, (b) => st.commit(b))
  // hand-written: named prepared statements, UNNEST of pg's own arrays, in one transaction
  const c = await pool.connect()
  const mt =
    'insert into bench_message (device_id,channel,direction,topic,payload_json,source,qos,redelivered,retained,processing_status,received_at,processed_at) select * from unnest($1::text[],$2::text[],$3::text[],$4::text[],$5::text[],$6::text[],$7::int[],$8::bool[],$9::bool[],$10::text[],$11::timestamptz[],$12::timestamptz[])'
  const rt =
    'insert into bench_reading (device_id,timestamp,received_at,content_hash,temperature,humidity,pressure,battery,ok) select * from unnest($1::text[],$2::timestamptz[],$3::timestamptz[],$4::bigint[],$5::float8[],$6::float8[],$7::float8[],$8::bigint[],$9::bool[])'
  const hand = async (b: any) => {
    const M: any[][] = Array.from({ length: 12 }, () => []),
      R: any[][] = Array.from({ length: 9 }, () => [])
    for (const e of b.entries) {
      const x = e.message
      ;[
        x.deviceId,
        x.channel,
        x.direction,
        x.topic,
        x.payloadJson,
        x.source,
        x.qos,
        x.redelivered,
        x.retained,
        x.status,
        new Date(x.receivedAt).toISOString(),
        new Date(x.processedAt).toISOString(),
      ].forEach((v, i) => M[i].push(v))
      for (const s of e.samples)
        [
          s.deviceId,
          new Date(s.timestamp).toISOString(),
          new Date(s.receivedAt).toISOString(),
          s.contentHash,
          ...s.values,
        ].forEach((v, i) => R[i].push(v))
    }
    await c.query('begin')
    await c.query({ name: 'm', text: mt, values: M })
    await c.query({ name: 'r', text: rt, values: R })
    await c.query('commit')
  }
  for (const s of sizes) await run('postgres hand-written UNNEST', s, hand)
  for (const s of sizes) await run('postgres storage', s, (b) => st.commit(b))
  c.release()
  await pool.end()
}
if (which === 'sqlite' || which === 'all') {
  await sqliteHand()
  await sqlite(false)
  await sqlite(true)
}
if (which === 'node') {
  await sqlite(false, 'node:sqlite')
  await sqlite(true, 'node:sqlite')
}
if (which === 'postgres') {
  const { startPostgres } = await import('/work/main/packages/test-kit/src/services/postgres.ts')
  const s = await startPostgres()
  try {
    const { url } = await s.createDatabase()
    await postgres(url)
  } finally {
    await s.stop()
  }
}
