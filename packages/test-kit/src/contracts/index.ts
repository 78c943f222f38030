export * from './storage-contract.js'
export * from './transport-contract.js'
