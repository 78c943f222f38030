import { DeviceHubError } from '@devicehub/core/definition'

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free space. The space of delivered samples is freed automatically',
  EDQUOT: 'the disk quota is used up: raise it, or free space',
  EROFS: 'the file system is read-only: mount it for writing',
  EACCES: 'the process may not write there: change the owner or the mode of the folder',
  EPERM: 'the process may not write there: change the owner or the mode of the folder',
  EIO: 'the disk reports an error: it may be worn out',
}

const errnoOf = (cause: unknown): string | null => (cause as NodeJS.ErrnoException | null)?.code ?? null

export const isDiskFull = (cause: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes(errnoOf(cause) ?? '')

/** What the file system said, as an error of this project. `details.errno` is its code, e.g. ENOSPC. */
export function outboxFailed(what: string, folder: string, cause: unknown): DeviceHubError {
  const errno = errnoOf(cause)
  const why = ADVICE[errno ?? ''] ?? (cause instanceof Error ? cause.message : String(cause))
  const message = `${what} the outbox in ${folder} failed${errno === null ? '' : ` (${errno})`}: ${why}`
  return new DeviceHubError('outbox_failed', message, { details: { folder, errno }, cause })
}

export const positionDamaged = (folder: string): DeviceHubError =>
  new DeviceHubError(
    'outbox_failed',
    `the file position in ${folder} is damaged: what is still there is sent again, delivered or not, and lost samples cannot all be counted. Is the disk worn out?`,
    { details: { folder } },
  )

/** For a device that connects although its outbox cannot be opened. */
export const workingWithout = ({ message, details, cause }: DeviceHubError): DeviceHubError =>
  new DeviceHubError(
    'outbox_failed',
    `the device works without its outbox, and record() rejects until it can be opened; commands are remembered in memory until the next start. ${message}`,
    { details, cause },
  )

export const outboxLocked = (folder: string, file: string, pid: number | null): DeviceHubError =>
  new DeviceHubError(
    'outbox_locked',
    `the outbox in ${folder} is in use by ${pid === null ? 'another client' : `process ${pid}`}: give each client a folder of its own. If no such client runs, delete ${file}`,
    { details: { folder, pid } },
  )

export const outboxFull = (folder: string, bytes: number, maxBytes: number): DeviceHubError =>
  new DeviceHubError(
    'queue_full',
    `the outbox in ${folder} holds ${bytes} of ${maxBytes} bytes, and drop is 'newest': the sample was refused. Raise maxBytes, or set drop to 'oldest'`,
    { details: { folder, bytes, maxBytes } },
  )

export const sampleTooLarge = (bytes: number, maxBytes: number): DeviceHubError =>
  new DeviceHubError(
    'invalid_payload',
    `a sample of ${bytes} bytes does not fit into an outbox of ${maxBytes} bytes (maxBytes)`,
    { details: { bytes, maxBytes } },
  )

export const nobodyBlamed = (error: DeviceHubError): DeviceHubError =>
  new DeviceHubError(
    'publish_failed',
    `${error.message}. Nothing else got through meanwhile: the sample stays in the outbox and is sent again`,
    { details: error.details, cause: error },
  )
