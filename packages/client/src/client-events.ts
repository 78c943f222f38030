import { DeviceHubError } from '@devicehub/core/definition'
import { errorLine } from '@devicehub/core/transport'
import type { ClientEvents } from './device-client.js'
import { createEventEmitter, type EventEmitter } from './event-emitter.js'

/** The events of a client. `report` emits an error, or writes it to standard error without a handler. */
export function createClientEvents(): {
  readonly events: EventEmitter<ClientEvents>
  readonly report: (error: DeviceHubError) => void
  /** `report` for a connection that failed or was lost. */
  readonly reportOutage: (error: DeviceHubError) => void
  /** Ends an outage that was written to standard error with a line that says so. */
  readonly connected: (place: string) => void
} {
  let outageWritten = false
  const events = createEventEmitter<ClientEvents>((error) => {
    const message = `an event handler of the client failed: ${errorLine(error)}`
    // An error of an error handler cannot be reported to anyone else.
    print(new DeviceHubError('handler_failed', message, { cause: error }))
  })
  function report(error: DeviceHubError): void {
    if (events.has('error')) events.emit('error', error)
    else print(error)
  }
  return {
    events,
    report,
    reportOutage(error) {
      outageWritten ||= !events.has('error')
      report(error)
    },
    connected(place) {
      if (outageWritten) console.error(`devicehub client: connected to ${place}`)
      outageWritten = false
    },
  }
}

function print(error: DeviceHubError): void {
  console.error(`devicehub client: ${error.message} (${error.code})`)
}
