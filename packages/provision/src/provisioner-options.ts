import type { ClaimHandlerOptions } from './claims/claim-handler.js'
import type { CredentialSink } from './sinks/credential-sink.js'

/** Options of `createProvisioner`. */
export interface ProvisionerOptions {
  /** Brokers with a store of their own, updated in this order after each commit. Default: none. */
  readonly sinks?: readonly CredentialSink[]
  /** Limits of claims, over HTTP and over MQTT. */
  readonly claimHandler?: ClaimHandlerOptions
}
