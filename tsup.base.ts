import { defineConfig, type Options } from 'tsup'

/** ESM and CommonJS side by side, with types for each. */
export const options = (entry: string[], format: ('esm' | 'cjs')[] = ['esm', 'cjs']): Options => ({
  entry: Object.fromEntries(entry.map((file) => [file.replace(/^src\/|\.ts$/g, ''), file])),
  format,
  // Of the private package each package carries what it uses, types included.
  noExternal: [/^@devicehub-internal\//],
  dts: {
    compilerOptions: {
      paths: {
        '@devicehub-internal/async': ['../async/src/index.ts'],
        '@devicehub-internal/async/*': ['../async/src/*.ts'],
      },
    },
  },
  clean: true,
  sourcemap: false,
  splitting: true,
  shims: true,
  target: 'node18',
  // tsup's CommonJS form names a class with fields `_class`, and so prints every error. Without fields it keeps the name.
  esbuildOptions(build) {
    build.supported = { ...build.supported, 'class-field': false }
  },
})

/** The build of a package. */
export const library = (entry: string[], format?: ('esm' | 'cjs')[]) => defineConfig(options(entry, format))
