/** Host, database and user of a connection, for errors. Never a password. */
export interface DatabaseTarget {
  readonly host: string | null
  readonly port: number | null
  readonly database: string | null
  readonly user: string | null
  /** Of SQLite. */
  readonly file: string | null
}

const NOWHERE: DatabaseTarget = { host: null, port: null, database: null, user: null, file: null }

export const fileTarget = (file: string): DatabaseTarget => ({ ...NOWHERE, file })

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)

/** Of a connection of `pg` (`connectionParameters`) or of `mysql2` (`config`); null for anything else. */
export function targetOfClient(client: object): DatabaseTarget | null {
  const { connectionParameters, config } = client as {
    readonly connectionParameters?: unknown
    readonly config?: unknown
  }
  const found = connectionParameters ?? config
  if (typeof found !== 'object' || found === null) return null
  const { host, port, database, user, socketPath } = found as Readonly<Record<string, unknown>>
  if (text(host) === null && text(socketPath) === null) return null
  return {
    ...NOWHERE,
    host: text(socketPath) ?? text(host),
    port: text(socketPath) === null && Number.isInteger(Number(port)) ? Number(port) : null,
    database: text(database),
    user: text(user),
  }
}

/** For people: "database d on h:5432 as user u". */
export function showTarget({ host, port, database, user, file }: DatabaseTarget): string {
  if (file !== null) return `the file ${file}`
  const where = host === null ? '' : ` on ${host}${port === null ? '' : `:${port}`}`
  return `${database === null ? 'no database' : `database ${database}`}${where}${user === null ? '' : ` as user ${user}`}`
}
