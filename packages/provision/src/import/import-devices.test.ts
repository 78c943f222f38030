import { createReadStream } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { type JsonOutput, readJsonFile, rowsOf } from '../testing/import-fixtures.js'
import { memorySink, provisionWorld, revealed, Station, temporaryFolder } from '../testing/provision-world.js'
import type { ImportedRow } from './import-report.js'
import type { ImportedDevice } from './imported-device.js'

async function* lines(...all: string[]): AsyncGenerator<string> {
  for (const line of all) yield `${line}\n`
}

describe('importDevices', () => {
  test('a CSV file becomes devices with credentials, and an output file that only its owner reads', async () => {
    await using folder = await temporaryFolder()
    await using world = provisionWorld()
    const { provisioner, hub } = world
    await writeFile(
      folder.file('in.csv'),
      'device_id,name,mode,level,enabled,installed_at,place,metadata,label.site,label.customer\r\n' +
        'A,"Roof, north",burst,7,true,2026-01-05T00:00:00Z,"{""floor"":3}","{""batch"":9}",north,acme\r\n' +
        'B,,,,,,,,,\r\n',
    )
    const output = folder.file('out.csv')
    const report = await provisioner.importDevices(
      Station,
      { csv: folder.file('in.csv') },
      { output: { file: output } },
    )
    expect(report).toEqual({
      created: 2,
      existing: 0,
      rotated: 0,
      failed: 0,
      failures: [],
      sinkErrors: [],
      aborted: false,
    })
    expect(await hub.devices.get(Station, 'A')).toMatchObject({
      name: 'Roof, north',
      status: 'provisioning',
      mqttUsername: 'weatherstation-A',
      metadata: { batch: 9 },
      labels: { customer: 'acme', site: 'north' },
      state: {
        mode: 'burst',
        level: 7,
        enabled: true,
        installed_at: new Date('2026-01-05T00:00:00Z'),
        place: { floor: 3 },
      },
    })
    expect(await hub.devices.get(Station, 'B')).toMatchObject({
      name: 'B',
      labels: {},
      state: { mode: 'continuous' },
    })
    expect((await stat(output)).mode & 0o777).toBe(0o600)
    const [head, first] = (await readFile(output, 'utf8')).split('\n')
    expect(head).toBe('device_id,name,device_type,mqtt_username,mqtt_password,api_key')
    const [, username, password] = /^A,"Roof, north",weatherstation,([^,]+),([^,]+),[0-9a-f]{64}$/.exec(
      first ?? '',
    ) as unknown as string[]
    expect(await provisioner.verify({ username: username ?? '', password: password ?? '' })).not.toBeNull()
    expect(world.signals.map(({ event }) => event.device.deviceId)).toEqual(['A', 'B'])
    expect(revealed(world)[0]).toMatchObject({ username, password, clientId: username, expiresAt: null })
  })

  test('JSON in and out, in the shape of the reference; a second run changes nothing', async () => {
    await using folder = await temporaryFolder()
    await using world = provisionWorld()
    const { provisioner, hub } = world
    await writeFile(folder.file('in.json'), JSON.stringify(rowsOf(1_234)))
    const run = (name: string, more = {}) =>
      provisioner.importDevices(
        Station,
        { json: createReadStream(folder.file('in.json')) },
        { output: { file: folder.file(name) }, ...more },
      )
    expect(await run('one.json')).toMatchObject({ created: 1_234, existing: 0, failed: 0 })
    const first = await readJsonFile(folder.file('one.json'))
    expect(first).toMatchObject({ device_type: 'weatherstation', count: 1_234 })
    expect(first.devices).toHaveLength(1_234)
    expect(first.devices[0]).toEqual({
      device_id: 'D-0',
      name: 'D-0',
      device_type: 'weatherstation',
      mqtt_username: 'weatherstation-D-0',
      mqtt_password: expect.any(String),
      api_key: expect.any(String),
    })
    const login = ({ mqtt_username: username, mqtt_password: password }: JsonOutput['devices'][number]) => ({
      username,
      password,
    })
    const verified = await Promise.all(first.devices.map((device) => provisioner.verify(login(device))))
    expect(verified).not.toContain(null)

    const before = await hub.devices.list(Station, { limit: 1_000 })
    expect(await run('two.json')).toMatchObject({ created: 0, existing: 1_234, rotated: 0 })
    expect(await readJsonFile(folder.file('two.json'))).toMatchObject({ count: 0, devices: [] })
    expect(await hub.devices.list(Station, { limit: 1_000 })).toEqual(before)
    for (const device of first.devices.slice(0, 10))
      expect(await provisioner.verify(login(device))).not.toBeNull()

    expect(await run('three.json', { rotate: true })).toMatchObject({ created: 0, rotated: 1_234 })
    const third = await readJsonFile(folder.file('three.json'))
    expect(third.devices).toHaveLength(1_234)
    expect(await provisioner.verify(login(first.devices[700] as JsonOutput['devices'][number]))).toBeNull()
    expect(
      await provisioner.verify(login(third.devices[700] as JsonOutput['devices'][number])),
    ).not.toBeNull()
  })

  test('an invalid row fails by itself, and the error has reason and line', async () => {
    await using world = provisionWorld()
    const seen: ImportedRow[] = []
    const progress: unknown[] = []
    const report = await world.provisioner.importDevices(
      Station,
      {
        json: lines(
          '{"device_id":"A"}',
          '{"device_id":"a/b"}',
          '{"device_id":"B","colour":"red"}',
          '{"device_id":"A"}',
          'nonsense',
          '{"device_id":"C","level":101}',
          '{"device_id":"D","metadata":[1]}',
          `{"device_id":"E","name":"${'x'.repeat(256)}"}`,
          '{"device_id":5}',
          '{"name":"nameless"}',
          `{"device_id":"${'y'.repeat(129)}"}`,
          '{"device_id":"F"}',
          `{"device_id":"G","metadata":{"text":"${'ä'.repeat(33_000)}"}}`,
        ),
      },
      { output: () => {}, onRow: (row) => seen.push(row), onProgress: (counts) => progress.push(counts) },
    )
    expect(report).toMatchObject({ created: 2, failed: 11 })
    expect(report.failures.map(({ line, error }) => [line, error?.code])).toEqual([
      [2, 'invalid_device_id'],
      [3, 'invalid_payload'],
      [4, 'device_exists'],
      [5, 'invalid_payload'],
      [6, 'invalid_payload'],
      [7, 'invalid_payload'],
      [8, 'invalid_payload'],
      [9, 'invalid_device_id'],
      [10, 'invalid_device_id'],
      [11, 'invalid_device_id'],
      [13, 'invalid_payload'],
    ])
    expect(seen.filter(({ outcome }) => outcome === 'created').map(({ line }) => line)).toEqual([1, 12])
    expect(progress.at(-1)).toEqual({ created: 2, existing: 0, rotated: 0, failed: 11 })
  })

  test('cells of CSV that do not fit their state field', async () => {
    await using world = provisionWorld()
    const { failures, created } = await world.provisioner.importDevices(
      Station,
      {
        csv: lines(
          'device_id,mode,level,enabled,installed_at,place',
          'A,burst,1,0,1767571200,[]',
          'B,nope,,,,',
          'C,,1.5,,,',
          'D,,0x10,,,',
          'E,,,yes,,',
          'F,,,,tomorrow,',
          'G,,,,,{',
        ),
      },
      { output: () => {} },
    )
    expect(created).toBe(1)
    expect(failures.map(({ line }) => line)).toEqual([3, 4, 5, 6, 7, 8])
    expect(failures.map(({ error }) => error?.message)).toEqual([
      expect.stringContaining('mode must be one of'),
      expect.stringContaining('level must be a whole number'),
      expect.stringContaining('level must be a whole number'),
      expect.stringContaining('enabled must be true or false'),
      expect.stringContaining('installed_at must be'),
      expect.stringContaining('place is not JSON'),
    ])
    expect((await world.hub.devices.get(Station, 'A'))?.state).toMatchObject({ enabled: false, place: [] })
  })

  test('one row that the database refuses does not stop the others of its batch', async () => {
    await using folder = await temporaryFolder()
    await using world = provisionWorld()
    await world.hub.devices.create(Station, { deviceId: 'thief' })
    await world.hub.storage.devices.update(Station, 'thief', { mqttUsername: 'weatherstation-D-77' }, 1)
    const output = folder.file('out.json')
    const report = await world.provisioner.importDevices(
      Station,
      { rows: rowsOf(300) },
      { output: { file: output } },
    )
    expect(report).toMatchObject({
      created: 299,
      failed: 1,
      failures: [{ line: 78, deviceId: 'D-77', error: { code: 'credential_taken' } }],
    })
    const { devices, count } = await readJsonFile(output)
    expect(count).toBe(299)
    expect(devices.map(({ device_id }) => device_id)).not.toContain('D-77')
  })

  test('invariant 8: secrets are in the output, and in no report, signal or log line', async () => {
    const sink = memorySink()
    sink.broken = new Error('away')
    await using world = provisionWorld({ sinks: [sink] })
    const given: ImportedDevice[] = []
    const rows: unknown[] = []
    const report = await world.provisioner.importDevices(
      Station,
      { rows: rowsOf(20) },
      { output: (devices) => void given.push(...devices), onRow: (row) => rows.push(row) },
    )
    expect(report.sinkErrors).toMatchObject([{ code: 'sink_failed', details: { count: 20 } }])
    const seen = JSON.stringify([
      report,
      rows,
      world.log,
      world.signals.map(({ event }) => event.device.name),
    ])
    expect(given).toHaveLength(20)
    for (const { password, apiKey } of given) {
      expect(seen).not.toContain(password)
      expect(seen).not.toContain(apiKey)
    }
  })

  test('sinks hear of what was created', async () => {
    const sink = memorySink()
    await using world = provisionWorld({ sinks: [sink] })
    const given: ImportedDevice[] = []
    await world.provisioner.importDevices(
      Station,
      { rows: rowsOf(600) },
      { output: (devices) => void given.push(...devices) },
    )
    expect(sink.passwords).toEqual(new Map(given.map(({ username, password }) => [username, password])))
  })

  test('a signal ends it between two batches; what is done stays', async () => {
    await using world = provisionWorld()
    const abort = new AbortController()
    const report = await world.provisioner.importDevices(
      Station,
      { rows: rowsOf(2_000) },
      {
        output: () => {},
        signal: abort.signal,
        onProgress: ({ created }) => created >= 1_000 && abort.abort(),
      },
    )
    expect(report).toMatchObject({ created: 1_000, aborted: true })
  })
})

test('a row whose device_id has another name says which', async () => {
  await using world = provisionWorld()
  const rows = [{ deviceId: 'A' }, { name: 'no id at all' }]
  const { failures } = await world.provisioner.importDevices(Station, { rows }, { output: () => {} })
  expect(failures.map(({ error }) => String((error as { message?: unknown }).message ?? error))).toEqual([
    expect.stringMatching(
      /^the row has no device_id; it has "deviceId": name it device_id\. Known: device_id,/,
    ),
    expect.stringMatching(/^the row has no device_id\. Known: device_id,/),
  ])
})
