import type { SinkChange, SinkDevice } from '../credential-sink.js'
import { refuseChange, refuseDevice } from '../refuse-device.js'
import { nobodyOf } from './acl-section.js'

/** Why a device cannot stand in files of lines, or null. */
export function refuseFileDevice(device: SinkDevice, section: string): string | null {
  const { username, topics } = device
  if (/[\s:]|^#/.test(username) || username === nobodyOf(section))
    return 'the user name has a space or a colon, begins with "#", or is reserved'
  if ([...topics.publish, ...topics.subscribe].some((topic) => /\s/.test(topic)))
    return 'a topic has a space in it'
  return refuseDevice(device)
}

export const refuseFileChange = (change: SinkChange, section: string): string | null =>
  refuseChange(change) ?? (change.kind === 'set' ? refuseFileDevice(change.device, section) : null)
