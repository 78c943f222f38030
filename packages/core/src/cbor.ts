/** The CBOR codec, on cborg. */
export { cborCodec } from './model/codec/cbor.js'
