import { expect, test } from 'vitest'
import { countSkipped } from './count-skipped.js'

test('skipped tests are counted by the service that is missing, a test of two for both', () => {
  const mosquitto = 'listener (mosquitto is not installed: apt-get install mosquitto)'
  const both = `${mosquitto.slice(0, -1)}; mosquitto-clients is not installed: apt-get install mosquitto-clients)`
  const titles = [
    `${mosquitto} > stores`,
    `${both} > stores`,
    'a full disk',
    'a file that may not be written',
  ]
  expect(countSkipped([...titles, `${mosquitto} > again`])).toBe(
    '5 tests were skipped for want of: mosquitto 3, other reasons 2, mosquitto-clients 1',
  )
  expect(countSkipped([])).toBeNull()
})
