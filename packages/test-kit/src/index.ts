export * from './contracts/index.js'
export * from './publisher/index.js'
export * from './services/index.js'
