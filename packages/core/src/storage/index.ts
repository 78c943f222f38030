export { applyDeviceChange, type LiveState } from './apply-device-change.js'
export { type MemoryStorage, type MemoryStorageOptions, memoryStorage } from './memory/memory-storage.js'
