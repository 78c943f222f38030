import { library } from '../../tsup.base.js'

export default library([
  'src/index.ts',
  'src/definition.ts',
  'src/storage.ts',
  'src/transport.ts',
  'src/check.ts',
  'src/cbor.ts',
])
