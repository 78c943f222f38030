import { library } from '../../tsup.base.js'

export default library(['src/index.ts', 'src/definition.ts', 'src/model/codec/cbor.ts'])
