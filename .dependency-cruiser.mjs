import {
  CORE_BUILTINS,
  CORE_ENTRIES,
  CORE_LAYERS,
  CORE_PACKAGES,
  DEVICE_ENTRIES,
  PACKAGES,
} from './e2e/layers/layers.mjs'

const CORE = '^packages/core/src'
/** Tests and what they share may import from anywhere. */
const TEST = '(\\.test(-d)?\\.ts$|/testing/)'
const NPM = ['npm', 'npm-dev', 'npm-peer', 'npm-optional', 'npm-no-pkg', 'npm-unknown', 'unknown']
const any = (names) => `(${names.join('|')})`

const upward = CORE_LAYERS.flatMap((folders, row) =>
  folders.map((folder) => ({
    name: `core-${folder}-imports-downward`,
    comment: `core/src/${folder} imports only ${CORE_LAYERS.slice(0, row).flat().join(', ') || 'itself'}. Move what is needed down, or pass it in.`,
    severity: 'error',
    from: { path: `${CORE}/${folder}/`, pathNot: TEST },
    to: {
      path: `${CORE}/`,
      pathNot: `${CORE}/${any([folder, ...CORE_LAYERS.slice(0, row).flat()])}/`,
    },
  })),
)

const acrossPackages = Object.entries(PACKAGES).map(([name, allowed]) => ({
  name: `${name}-imports`,
  comment: `@devicehub/${name} imports ${allowed.map((each) => `@devicehub/${each}`).join(' and ') || 'no other package'}. Adapters and surfaces are joined by the application; what one needs of another comes in through a port of core.`,
  severity: 'error',
  from: { path: `^packages/${name}/src/`, pathNot: TEST },
  to: { path: '^(packages|examples|e2e|benchmarks|docs)/', pathNot: `^packages/${any([name, ...allowed])}/` },
}))

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...upward,
    ...acrossPackages,
    {
      name: 'no-circular',
      comment: 'Two files that import each other, types included, cannot be understood alone.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: TEST },
      to: { circular: true },
    },
    {
      name: 'core-has-no-io',
      comment: `Core takes files, sockets and processes as ports. Of Node it uses ${CORE_BUILTINS.join(', ')}.`,
      severity: 'error',
      from: { path: `${CORE}/`, pathNot: TEST },
      to: {
        path: '^((?!packages/)|packages/async/src/(file-lock|files))',
        dependencyTypes: ['core', 'aliased'],
        pathNot: `^(node:)?${any(CORE_BUILTINS)}$`,
      },
    },
    {
      name: 'async-has-no-packages',
      comment: 'Every package carries what it uses of async: it imports nothing but Node.',
      severity: 'error',
      from: { path: '^packages/async/src/', pathNot: TEST },
      to: { dependencyTypes: NPM },
    },
    {
      name: 'core-has-no-drivers',
      comment: `Core imports ${CORE_PACKAGES.join(' and ')} from npm, nothing else.`,
      severity: 'error',
      from: { path: `${CORE}/`, pathNot: TEST },
      to: {
        dependencyTypes: NPM,
        pathNot: `(^|/)node_modules/${any(CORE_PACKAGES)}/`,
      },
    },
    {
      name: 'through-the-entry',
      comment: 'Another package is imported by its name, never by a path into its source.',
      severity: 'error',
      from: { path: '^(packages|examples|benchmarks)/([^/]+)/' },
      to: { path: '^packages/([^/]+)/', pathNot: '^packages/$2/', dependencyTypesNot: ['aliased'] },
    },
    {
      name: 'through-an-entry-of-core',
      comment:
        'Core is imported by its entries, of which the alias @devicehub/core/* would give out any file.',
      severity: 'error',
      from: { path: '^(packages|examples|benchmarks)/', pathNot: `${CORE}/` },
      to: { path: `${CORE}/`, pathNot: `${CORE}/${any(CORE_ENTRIES)}\\.ts$` },
    },
    {
      name: 'client-imports-definitions-only',
      comment: `A device has no hub and no storage: the client imports ${DEVICE_ENTRIES.join(', ')} of core.`,
      severity: 'error',
      from: { path: '^packages/client/src/', pathNot: TEST },
      to: { path: `${CORE}/`, pathNot: `${CORE}/(${DEVICE_ENTRIES.join('|')})\\.ts$` },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(/dist/|\\.vitepress/)' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    detectJSDocImports: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
    skipAnalysisNotInRules: true,
  },
}
