import type { DeviceDeclaration } from '../device-declaration.js'
import type { StateOf } from '../typed.js'

export type State = Readonly<Record<string, unknown>>

/** What a handler of desired state is told beside the state. */
export interface DesiredContext<Delta = State> {
  /** Counts up with each change at the hub. Reported with what was applied. */
  readonly version: number
  /** What of it differs from what this process has reported. */
  readonly delta: Delta
}

/** Options of `twin.report`. */
export interface ReportOptions {
  /** When it was so. Default, and while offline: none, and the hub takes the time of arrival. */
  readonly timestamp?: Date | undefined
  /** Stops waiting; what was reported stays so. */
  readonly signal?: AbortSignal | undefined
}

/** What the hub wants the device to be set to (desired), and what the device says that it is (reported). */
export interface DeviceTwin<Declaration extends DeviceDeclaration> {
  /**
   * Applies desired state: one handler, registered before `connect()`. It gets the whole desired state; what it returns
   * is reported as applied, and without a result the desired fields are. When it throws nothing is reported, and it is
   * called again when the desired state comes again. Returns how to take the handler away.
   */
  onDesired(
    handler: (
      desired: StateOf<Declaration>,
      context: DesiredContext<StateOf<Declaration>>,
    ) => Applied<Declaration> | Promise<Applied<Declaration>>,
  ): () => void
  /**
   * Says what fields are. Resolves when the broker has confirmed a report that includes them; while the device is offline
   * that is the whole document, which is sent at each connection. `invalid_payload` at once for a field or value the type
   * does not have, `publish_failed`, `closed`.
   */
  report(patch: StateOf<Declaration>, options?: ReportOptions): Promise<void>
  /** As received last; null when nothing was, or it was cleared. */
  readonly desired: { readonly version: number; readonly state: StateOf<Declaration> } | null
  /** What this process has reported, all reports merged. */
  readonly reported: StateOf<Declaration>
}

// biome-ignore lint/suspicious/noConfusingVoidType: handlers that return nothing
type Applied<Declaration extends DeviceDeclaration> = StateOf<Declaration> | void
