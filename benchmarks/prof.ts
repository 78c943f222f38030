import { spawnSync } from 'node:child_process'
import { createLedgerPublisher, startMosquitto, startPostgres } from '@devicehub/test-kit'
import mqtt from 'mqtt'
import { rmSync } from 'node:fs'
import { prepareDatabase, type Target } from './ingest/database.js'
import { payload, sample } from './ingest/workload.js'
const kind = process.argv[2]; const N = Number(process.argv[3] ?? 60000); const name = process.argv[4] ?? 'listener'; const prof = process.argv[5] === 'prof'
await using broker = await startMosquitto()
const pgs = kind === 'postgres' ? await startPostgres() : null
rmSync('/tmp/prof.db', { force: true }); rmSync('/tmp/prof.db-wal', { force: true })
const target: Target = pgs ? { kind: 'postgres', url: (await pgs.createDatabase()).url } : { kind: 'sqlite', file: '/tmp/prof.db' }
await prepareDatabase(target)
const holder = mqtt.connect(broker.url, { clientId: 'bench', clean: false, protocolVersion: 5, properties: { sessionExpiryInterval: 3600 } })
await holder.subscribeAsync(['data', 'status', 'response', 'state'].map(c => `$share/bench/things/station/+/${c}`), { qos: 1 })
await holder.endAsync()
const pub = createLedgerPublisher({ port: broker.port })
await pub.publishAll((function* () { for (let n = 0; n < N; n++) { const d = sample(n); yield { key: String(n), topic: d.topic, payload: payload(d) } } })())
await pub.close()
const r = spawnSync(process.execPath, [...(prof ? ['--cpu-prof', '--cpu-prof-dir=/tmp/prof2'] : []), '--import', 'tsx', 'benchmarks/ingest/child.ts', name, JSON.stringify({ url: broker.url, target, count: N, batch: 600 })], { stdio: ['ignore', 'inherit', 'inherit'] })
await pgs?.stop()
