import type { DeviceHub } from '@devicehub/core'

/** What provisioning needs of a hub; every `DeviceHub` is one. */
export type ProvisionHub = Pick<
  DeviceHub,
  | 'types'
  | 'topicPrefix'
  | 'deviceIdMaxLength'
  | 'maxMetadata'
  | 'storage'
  | 'signals'
  | 'devices'
  | 'credentials'
  | 'clock'
  | 'logger'
  | 'publish'
  | 'sharedGroups'
>
