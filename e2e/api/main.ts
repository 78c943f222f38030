/**
 * `pnpm api`: compares the public face of every entry, as built, with its committed report in `api/`.
 * `pnpm api --update` writes the reports.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'
import { type Entry, publishedEntries, root } from './entries.js'

const update = process.argv.includes('--update')
const reports = path.join(root, 'api')
const made = path.join(root, 'api/.made')

const reportName = ({ name }: Entry) => name.replace('@devicehub/', '').replaceAll('/', '-')

function configOf(entry: Entry): ExtractorConfig {
  const none = { logLevel: ExtractorLogLevel.None }
  return ExtractorConfig.prepare({
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: path.join(root, entry.declarations),
      bundledPackages: [],
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'es2022',
            module: 'esnext',
            moduleResolution: 'bundler',
            types: ['node'],
            // Declarations of dependencies are theirs; checking them takes four times as long.
            skipLibCheck: true,
          },
          files: [path.join(root, entry.declarations)],
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: reportName(entry),
        reportFolder: reports,
        reportTempFolder: made,
        includeForgottenExports: false,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: none },
        // What a declaration is made of has a check of its own: e2e/packed/unnamed-types.ts.
        extractorMessageReporting: { default: none },
        tsdocMessageReporting: { default: none },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: path.join(root, entry.folder, 'package.json'),
  })
}

/** One compiler for all entries: most of the time goes into reading declarations that they share. */
function compilerOf(entries: readonly Entry[]): CompilerState {
  for (const { declarations } of entries)
    if (!existsSync(path.join(root, declarations)))
      throw new Error(`${declarations} is not there: run pnpm build first`)
  return CompilerState.create(configOf(entries[0] as Entry), {
    additionalEntryPoints: entries.map(({ declarations }) => path.join(root, declarations)),
  })
}

function isSame(entry: Entry, compilerState: CompilerState): boolean {
  const { apiReportChanged } = Extractor.invoke(configOf(entry), {
    localBuild: update,
    compilerState,
    messageCallback(message) {
      message.handled = true
      if (message.logLevel === ExtractorLogLevel.Error) console.error(message.text)
    },
  })
  return !apiReportChanged
}

mkdirSync(reports, { recursive: true })
const entries = publishedEntries()
const compiler = compilerOf(entries)
const changed = entries.filter((entry) => !isSame(entry, compiler)).map(({ name }) => name)
const known = new Set(entries.map((entry) => `${reportName(entry)}.api.md`))
const stale = readdirSync(reports).filter((file) => file.endsWith('.api.md') && !known.has(file))
if (update) for (const file of stale) rmSync(path.join(reports, file))
rmSync(made, { recursive: true, force: true })

if (changed.length > 0 || stale.length > 0) {
  const what = [...changed, ...stale].join(', ')
  if (update) console.log(`written: ${what}`)
  else {
    console.error(`The public face of these differs from its committed report: ${what}`)
    console.error(
      'If that is meant, run `pnpm api --update` and commit api/ with the change and its changeset.',
    )
    process.exit(1)
  }
} else console.log(`${entries.length} entries are as their reports say`)
