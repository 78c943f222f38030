export type { ReceivedCommand } from './commands/received-command.js'
export { createDeviceClient } from './create-device-client.js'
export type {
  BatchSample,
  ClientEvents,
  ClientState,
  ClientStats,
  DeviceClient,
  RecordOptions,
  StatusReport,
} from './device-client.js'
export type { Credentials, DeviceClientOptions, OutboxFolder, TlsOptions } from './device-client-options.js'
export type { DeviceDeclaration, UntypedDevice } from './device-declaration.js'
export type { PublisherStats } from './publisher.js'
export type { SampleOptions } from './sample.js'
export type { DesiredContext, DeviceTwin, ReportOptions } from './twin/device-twin.js'
export type { CommandName, PayloadOf, ReadingsOf, ResultOf, StateOf } from './typed.js'
