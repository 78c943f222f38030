import type { ClaimHandlerOptions } from './claims/claim-handler.js'
import type { CredentialSink } from './sinks/credential-sink.js'

/** Options of `createProvisioner`. */
export interface ProvisionerOptions {
  /** Brokers with a store of their own, to be kept in step: told in this order, after each commit. Default: none. */
  readonly sinks?: readonly CredentialSink[]
  /** Bounds of claims, over HTTP and over MQTT. */
  readonly claimHandler?: ClaimHandlerOptions
}
