import type { MessageInfo, StoredMessage } from '../model/message.js'

/** A row as a storage has it, with times as callers see them. */
export const toMessageInfo = (stored: StoredMessage): MessageInfo => ({
  ...stored,
  receivedAt: new Date(stored.receivedAt),
  processedAt: new Date(stored.processedAt),
})
