/**
 * The house, as data: which folder and which package may import which. `pnpm layers` enforces it on the real import
 * graph, and the picture in docs/architecture is drawn from it.
 */

/** Folders of core/src from the lowest up. Each imports folders of lower rows, and itself. */
export const CORE_LAYERS = [
  ['model'],
  ['ports'],
  ['rules'],
  ['memory', 'transport'],
  ['handlers', 'lease', 'twin', 'credentials'],
  ['ingest', 'presence', 'retention'],
  ['dispatch', 'consumer'],
  ['commands'],
  ['hub'],
]

/** What of Node core may use: it computes. Sockets, files, processes and clocks of others come in as ports. */
export const CORE_BUILTINS = ['buffer', 'crypto', 'util', 'v8']

/** npm packages that core may import. */
export const CORE_PACKAGES = ['zod', 'cborg']

/**
 * The packages that each package may import. Adapters and surfaces never import each other. All import `async`, which is
 * not published: each package bundles what it uses of it.
 */
export const PACKAGES = {
  async: [],
  core: ['async'],
  http: ['async', 'core'],
  signals: ['async', 'core'],
  'storage-kysely': ['async', 'core'],
  'mqtt-listener': ['async', 'core'],
  client: ['async', 'core'],
  provision: ['async', 'core', 'http'],
  'broker-auth': ['async', 'core', 'http'],
  'test-kit': ['async', 'core'],
}

/** The files of core that others import. */
export const CORE_ENTRIES = ['index', 'definition', 'storage', 'transport', 'check', 'cbor']
/** Those of them that the client imports: none has a hub or a storage. */
export const DEVICE_ENTRIES = ['definition', 'transport', 'check', 'cbor']
