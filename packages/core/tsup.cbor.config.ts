import { defineConfig } from 'tsup'
import { options } from '../../tsup.base.js'

/** cborg has no CommonJS form: the CommonJS form of the codec carries it. Built after the rest. */
export default defineConfig({
  ...options(['src/cbor.ts'], ['cjs']),
  noExternal: ['cborg'],
  banner: {
    js: '/* Contains cborg, Copyright 2020 Rod Vagg, licensed under the Apache License 2.0: https://github.com/rvagg/cborg */',
  },
  clean: false,
  dts: false,
  splitting: false,
})
