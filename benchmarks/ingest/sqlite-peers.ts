import Database from 'better-sqlite3'
import { payload, type Sample, sample } from './workload.js'

/**
 * Loops as one would write them by hand into the tables that the hub made: prepared statements, synchronous FULL, the
 * same rows and indexes. The rows are made beforehand, so that only the inserts are timed.
 */
export function prepareBatches(
  file: string,
  count: number,
  batch: number,
): { insert(): void; close(): void } {
  const db = open(file)
  const { message, reading } = prepare(db)
  const rows = Array.from({ length: count }, (_, n) => row(n))
  const store = db.transaction((from: number, to: number) => {
    for (let n = from; n < to; n++) {
      const { audit, values } = rows[n] as Row
      message.run(audit)
      reading.run(values)
    }
  })
  return {
    insert() {
      for (let n = 0; n < count; n += batch) store.immediate(n, Math.min(n + batch, count))
    },
    close: () => db.close(),
  }
}

/** What an ordinary handler does: parse the message, insert, commit, acknowledge, next. */
export function createOneByOne(file: string): { store(topic: string, text: string): void; close(): void } {
  const db = open(file)
  const { message, reading } = prepare(db)
  const store = db.transaction((topic: string, text: string) => {
    const now = Date.now()
    const device = topic.split('/')[2] as string
    const data = JSON.parse(text) as {
      temperature: number
      humidity: number
      pressure: number
      timestamp: string
    }
    message.run([device, topic, text, now, now])
    reading.run([
      device,
      Date.parse(data.timestamp),
      now,
      null,
      data.temperature,
      data.humidity,
      data.pressure,
    ])
  })
  return { store: (topic, text) => void store.immediate(topic, text), close: () => db.close() }
}

interface Row {
  readonly audit: readonly unknown[]
  readonly values: readonly unknown[]
}

function row(n: number): Row {
  const data: Sample = sample(n)
  const now = Date.now()
  return {
    audit: [data.deviceId, data.topic, payload(data), now, now],
    values: [data.deviceId, data.timestamp, now, n, data.temperature, data.humidity, data.pressure],
  }
}

function open(file: string): Database.Database {
  const db = new Database(file)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  return db
}

const prepare = (db: Database.Database) => ({
  message: db.prepare(
    `INSERT INTO station_message (device_id, channel, direction, topic, payload_json, source, qos, redelivered, retained, processing_status, received_at, processed_at)
     VALUES (?, 'data', 'in', ?, ?, 'mqtt:default', 1, 0, 0, 'processed', ?, ?)`,
  ),
  reading: db.prepare(
    `INSERT INTO station_reading (device_id, timestamp, received_at, content_hash, temperature, humidity, pressure) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  ),
})
