import { DeviceHubError } from '@devicehub/core/definition'
import { afterEach, expect, test, vi } from 'vitest'
import { createClientEvents } from './client-events.js'

const written = vi.spyOn(console, 'error').mockImplementation(() => {})
afterEach(() => void written.mockClear())

const lost = new DeviceHubError('transport_unavailable', 'the connection was lost')

test('an outage that was written to standard error ends with one line', () => {
  const { reportOutage, connected } = createClientEvents()
  connected('the broker')
  reportOutage(lost)
  reportOutage(lost)
  connected('the broker')
  connected('the broker')
  expect(written.mock.calls.flat()).toEqual([
    'devicehub client: the connection was lost (transport_unavailable)',
    'devicehub client: the connection was lost (transport_unavailable)',
    'devicehub client: connected to the broker',
  ])
})

test('nothing is written to standard error with a handler of `error`', () => {
  const { events, reportOutage, connected } = createClientEvents()
  events.on('error', () => {})
  reportOutage(lost)
  connected('the broker')
  expect(written).not.toHaveBeenCalled()
})
