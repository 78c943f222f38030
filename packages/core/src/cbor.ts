/*! Contains cborg, Copyright 2020 Rod Vagg, Apache License 2.0: https://github.com/rvagg/cborg */
/** The CBOR codec, on cborg. */
export { cborCodec } from './model/codec/cbor.js'
