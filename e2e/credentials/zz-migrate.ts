import { openStage } from './provision-stage.js'

const s = openStage(process.argv[2] as string)
await s.hub.storage.migrate()
await s[Symbol.asyncDispose]()
