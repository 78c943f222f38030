import pg from 'pg'
import { payload, sample } from './workload.js'

/** One statement and one round trip a batch: UNNEST of arrays, the way that is fast by hand. */
const INSERT_BATCH = {
  name: 'insert-batch',
  text: `WITH m AS (
    INSERT INTO station_message (device_id, channel, direction, topic, payload_json, source, qos, redelivered, retained, processing_status, received_at, processed_at)
    SELECT device_id, 'data', 'in', topic, payload_json, 'mqtt:default', 1, false, false, 'processed', received_at, received_at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) AS t (device_id, topic, payload_json, received_at)
  )
  INSERT INTO station_reading (device_id, timestamp, received_at, content_hash, temperature, humidity, pressure)
  SELECT * FROM unnest($1::text[], $5::timestamptz[], $4::timestamptz[], $6::bigint[], $7::float8[], $8::float8[], $9::bigint[])`,
}

const INSERT_ONE = {
  name: 'insert-one',
  text: `WITH m AS (
    INSERT INTO station_message (device_id, channel, direction, topic, payload_json, source, qos, redelivered, retained, processing_status, received_at, processed_at)
    VALUES ($1, 'data', 'in', $2, $3, 'mqtt:default', 1, false, false, 'processed', $4, $4)
  )
  INSERT INTO station_reading (device_id, timestamp, received_at, content_hash, temperature, humidity, pressure)
  VALUES ($1, $5, $4, $6, $7, $8, $9)`,
}

/** Rows made beforehand as arrays of columns, so that only the inserts are timed. */
export async function prepareBatches(
  connectionString: string,
  count: number,
  size: number,
): Promise<{ insert(): Promise<void>; close(): Promise<void> }> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  const batches: unknown[][] = []
  for (let from = 0; from < count; from += size) batches.push(columns(from, Math.min(from + size, count)))
  return {
    async insert() {
      for (const values of batches) await client.query({ ...INSERT_BATCH, values })
    },
    close: () => client.end(),
  }
}

export async function createOneByOne(
  connectionString: string,
): Promise<{ store(topic: string, text: string): Promise<void>; close(): Promise<void> }> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  return {
    async store(topic, text) {
      const data = JSON.parse(text) as {
        temperature: number
        humidity: number
        pressure: number
        timestamp: string
      }
      const device = topic.split('/')[2]
      await client.query({
        ...INSERT_ONE,
        values: [
          device,
          topic,
          text,
          new Date(),
          data.timestamp,
          null,
          data.temperature,
          data.humidity,
          data.pressure,
        ],
      })
    },
    close: () => client.end(),
  }
}

function columns(from: number, to: number): unknown[][] {
  const now = new Date()
  const all: unknown[][] = Array.from({ length: 9 }, () => [])
  for (let n = from; n < to; n++) {
    const data = sample(n)
    const row = [
      data.deviceId,
      data.topic,
      payload(data),
      now,
      new Date(data.timestamp),
      n,
      data.temperature,
      data.humidity,
      data.pressure,
    ]
    for (const [index, value] of row.entries()) all[index]?.push(value)
  }
  return all
}
