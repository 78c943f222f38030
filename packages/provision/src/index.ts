export type { Claimed, ClaimRequest } from './claims/claim.js'
export type { ClaimAccount, ClaimLogin } from './claims/claim-accounts.js'
export type { ClaimBounds, ClaimStats } from './claims/claim-desk.js'
export type { ClaimHandlerOptions } from './claims/claim-handler.js'
export type { ClaimKey, ClaimKeysApi } from './claims/claim-keys.js'
export type { NewClaimKey } from './claims/new-claim-key.js'
export type { ClaimListener } from './claims/serve-claims.js'
export { createProvisioner, type Provisioner } from './create-provisioner.js'
export type {
  GenerateOptions,
  Issued,
  IssuedCredentials,
  RotateOptions,
  SecretOptions,
} from './credentials/issue.js'
export type { CredentialInfo } from './credentials/withdraw.js'
export type { ImportOutput } from './import/import-output.js'
export type { ImportCounts, ImportedRow, ImportOptions, ImportReport } from './import/import-report.js'
export type { ImportRow, ImportSource, TextSource } from './import/import-source.js'
export type { ImportedDevice } from './import/imported-device.js'
export type { ProvisionHub } from './provision-hub.js'
export type { ProvisionerOptions } from './provisioner-options.js'
export type * from './sinks/credential-sink.js'
export type { CsvSinkOptions } from './sinks/csv-options.js'
export { csvSink } from './sinks/csv-sink.js'
export { mosquittoDynamicSecurity } from './sinks/dynamic-security/mosquitto-dynamic-security.js'
export type { DynamicSecurityOptions, SinkTls } from './sinks/dynamic-security/options.js'
export { mosquittoFiles } from './sinks/mosquitto-files/mosquitto-files.js'
export type { MosquittoFilesOptions } from './sinks/mosquitto-files/options.js'
export type { Reload } from './sinks/mosquitto-files/reload-broker.js'
