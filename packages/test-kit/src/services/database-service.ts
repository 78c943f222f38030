import type { Service } from './managed-service.js'

/** A database made for one test. */
export interface TestDatabase {
  readonly name: string
  readonly url: string
  /** Removes it; on PostgreSQL even while somebody is connected. */
  drop(): Promise<void>
}

/** A private database server. */
export interface DatabaseService extends Service {
  readonly user: string
  /** A fresh database, so that tests do not see each other's tables. */
  createDatabase(): Promise<TestDatabase>
  /** Runs SQL through the server's own client; returns the rows as text, columns divided by tabs. */
  sql(query: string, database?: string): Promise<string>
}
