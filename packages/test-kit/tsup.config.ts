import { library } from '../../tsup.base.js'

// Vitest cannot be required, so this package cannot either.
export default library(['src/index.ts'], ['esm'])
