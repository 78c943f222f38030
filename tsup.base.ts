import { defineConfig } from 'tsup'

/** The build of a package: ESM and CommonJS side by side, with types for each. */
export const library = (entry: string[], format: ('esm' | 'cjs')[] = ['esm', 'cjs']) =>
  defineConfig({
    entry: Object.fromEntries(entry.map((file) => [file.replace(/^src\/|\.ts$/g, ''), file])),
    format,
    dts: { compilerOptions: { paths: {} } },
    clean: true,
    sourcemap: false,
    splitting: true,
    shims: true,
    target: 'node18',
  })
