import { defineConfig } from 'tsup'

/** The build of every package: ESM and CommonJS side by side, with types for each. */
export const library = (entry: string[]) =>
  defineConfig({
    entry: Object.fromEntries(entry.map((file) => [file.replace(/^src\/|\.ts$/g, ''), file])),
    format: ['esm', 'cjs'],
    dts: { compilerOptions: { paths: {} } },
    clean: true,
    sourcemap: false,
    splitting: true,
    shims: true,
    target: 'node18',
  })
