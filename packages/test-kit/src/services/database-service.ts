import type { Service } from './managed-service.js'

/** A database made for one test. */
export interface TestDatabase {
  /** Its name on the server, random. */
  readonly name: string
  /** The URL to connect with, user included. */
  readonly url: string
  /** Drops the database. On PostgreSQL this also ends the connections to it. */
  drop(): Promise<void>
}

/** A private database server. */
export interface DatabaseService extends Service {
  /** The user that connects without a password: `postgres` or `root`. */
  readonly user: string
  /** Creates an empty database with a random name, so that tests do not see each other's tables. */
  createDatabase(): Promise<TestDatabase>
  /**
   * Runs SQL through the server's own command line client. Returns the rows as text: a line each, columns separated
   * by tabs. `database` is by default the server's own (`postgres`, `mysql`).
   */
  sql(query: string, database?: string): Promise<string>
}
