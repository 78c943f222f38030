import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createCertificates,
  type MariadbService,
  type PostgresService,
  startMariadb,
  startMosquitto,
  startPostgres,
} from '@devicehub/test-kit'

/** Addresses in the samples, in place of which a private server stands. */
const PLAIN = ['mqtt://localhost:1883', 'mqtt://broker.internal:1883', 'mqtt://rabbit.internal:1883']
const SECURE = ['mqtts://broker.example.com:8883', 'mqtts://broker.example.com']
/** In the folder of a program: the machine's own authorities do not know the private broker. */
export const AUTHORITY = 'ca.pem'
const POSTGRES = 'postgres://postgres@localhost/devices'
const MYSQL = 'mysql://root@localhost/devices'
/** Ports that a sample opens: programs that run at once must not want the same one. */
const PORT = /(\.listen\(|port: )(?:80\d\d|1883)\b/g

export interface StandIns extends AsyncDisposable {
  /** The files with the addresses of private servers, which are started when one is needed. */
  putInto(files: ReadonlyMap<string, string>, cwd: string): Promise<Map<string, string>>
}

/** The servers of one sample: both of its runs meet the same ones, and no other sample does. */
export function standIns(shared: SharedServers): StandIns {
  const ends: (() => Promise<void>)[] = []
  return {
    async putInto(files, cwd) {
      const all = [...files.values()].join('\n')
      const addresses = new Map<string, string>()
      const needs = (each: readonly string[]) => each.some((address) => all.includes(address))
      if (needs(PLAIN)) {
        const broker = await startMosquitto()
        ends.push(() => broker.close())
        for (const address of PLAIN) addresses.set(address, broker.url)
      }
      if (needs(SECURE)) {
        const certificates = await shared.certificates()
        const broker = await startMosquitto({ tls: { certificates } })
        ends.push(() => broker.close())
        for (const address of SECURE) addresses.set(address, broker.tlsUrl as string)
        writePems(cwd, certificates)
      }
      for (const address of [POSTGRES, MYSQL].filter((each) => all.includes(each))) {
        const server = await (address === POSTGRES ? shared.postgres() : shared.mariadb())
        const database = await server.createDatabase()
        ends.push(() => database.drop())
        addresses.set(address, database.url)
      }
      return new Map(Array.from(files, ([name, text]) => [name, replaceAll(text, addresses)]))
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(ends.map((end) => end()))
    },
  }
}

function replaceAll(code: string, addresses: ReadonlyMap<string, string>): string {
  let text = code.replaceAll(PORT, (_all, before: string) => `${before}0`)
  for (const [from, to] of addresses) text = text.replaceAll(from, to)
  return text
}

type Made = Awaited<ReturnType<typeof createCertificates>>

/** The files that the pages call so. */
function writePems(cwd: string, { ca, client }: Made): void {
  mkdirSync(cwd, { recursive: true })
  const files = { [AUTHORITY]: ca.cert, 'ingest.pem': client.cert, 'ingest-key.pem': client.key }
  for (const [name, pem] of Object.entries(files)) writeFileSync(join(cwd, name), pem)
}

/** What is dear to start and can be shared. */
export class SharedServers implements AsyncDisposable {
  #postgres: Promise<PostgresService> | undefined
  #mariadb: Promise<MariadbService> | undefined
  #certificates: Promise<Made> | undefined

  postgres(): Promise<PostgresService> {
    this.#postgres ??= startPostgres()
    return this.#postgres
  }

  mariadb(): Promise<MariadbService> {
    this.#mariadb ??= startMariadb()
    return this.#mariadb
  }

  certificates(): Promise<Made> {
    this.#certificates ??= createCertificates()
    return this.#certificates
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#postgres, this.#mariadb].map(async (server) => (await server)?.close()))
  }
}
