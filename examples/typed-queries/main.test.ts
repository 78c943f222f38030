import { describeWith } from '@devicehub/test-kit'
import { expect, test, vi } from 'vitest'

describeWith(['sqlite'], 'the typed queries', () => {
  test('give what was ingested', async () => {
    vi.spyOn(console, 'table').mockImplementation(() => {})
    const { results } = await import('./main.js')
    expect(results.bySite).toEqual([
      { label: 'Peak', mean: -3, warmest: -3, samples: 1 },
      { label: 'Valley', mean: 52 / 3, warmest: 22, samples: 3 },
    ])
    expect(results.byDay).toEqual([
      { day: '2026-05-01', sky: 'clear', samples: 2 },
      { day: '2026-05-01', sky: 'cloudy', samples: 1 },
      { day: '2026-05-02', sky: 'rain', samples: 1 },
    ])
    expect(results.refused.map(({ device_id, name, error_code }) => [device_id, name, error_code])).toEqual([
      ['S-2', 'Summit', 'invalid_type'],
      ['S-3', null, 'unknown_device'],
    ])
    expect(JSON.parse(results.refused[0]?.payload_json ?? '')).toMatchObject({ temperature: 'cold' })
  })
})
