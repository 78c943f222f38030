import { library } from '../../tsup.base.js'

export default library(['src/index.ts', 'src/definition.ts', 'src/codec/cbor.ts'])
