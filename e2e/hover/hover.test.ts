import ts from 'typescript'
import { expect, test } from 'vitest'
import { openProgram } from './language-service.js'

const PROGRAM = `
import { command, createDeviceHub, defineDeviceType, reading, state } from '@devicehub/core'
import { z } from 'zod'

const Station = defineDeviceType('station', {
  readings: { temperature: reading.float(), door: reading.enum(['open', 'closed'], { nullable: false }) },
  commands: {
    set_interval: command({
      payload: z.object({ interval: z.int() }),
      result: z.object({ previous: z.int() }),
    }),
  },
  state: { mode: state.enum(['fast', 'slow'], { default: 'slow' }), label: state.string() },
  hooks: {
    onData({ device, readings }) {
      const deviceState = device.state
      console.log(readings, deviceState)
    },
    onCommandResponse(event) {
      console.log(event)
    },
  },
})

const hub = createDeviceHub({ types: [Station] })
const latest = await hub.readings.latest(Station, 'A')
const latestReadings = latest?.readings
const page = await hub.readings.list(Station)
const oneReadings = page.items[0]?.readings
const found = await hub.devices.get(Station, 'A')
const twin = await hub.twin(Station).get('A')
const desired = twin?.desired
const handle = await hub.commands.send(Station, 'A', 'set_interval', { interval: 60 })
const result = await handle.result()
await hub.twin(Station).setDesired('A', { mode: 'fast' })
hub.consume('billing', { types: [Station] }, ({ messages }) => {
  for (const { samples } of messages) console.log(samples)
})
`

const { file, service, errors } = openProgram('program.ts', PROGRAM)

test('the program of this test is a right one', () => {
  expect(errors()).toEqual([])
})

const READINGS = '{ readonly temperature: number | null | undefined; readonly door: "open" | "closed"; }'
const STATE = '{ readonly mode: "fast" | "slow"; readonly label: string | null; }'

/** What an editor shows is the shape that was declared, and none of the types it is computed with. */
test.each([
  ['readings }', `(parameter) readings: ${READINGS}`],
  ['device, readings }', `(parameter) device: Device<${STATE}>`],
  ['deviceState =', `const deviceState: ${STATE}`],
  [
    'event)',
    `(parameter) event: { device: Device<${STATE}>; command: "set_interval"; id: string; status: string; result: { previous: number; } | null; error: string | null; }`,
  ],
  ['latest =', `const latest: LastValues<${READINGS}> | null`],
  [
    'latestReadings =',
    'const latestReadings: { readonly temperature: LastValue<number> | null; readonly door: LastValue<"open" | "closed"> | null; } | undefined',
  ],
  ['page =', `const page: Page<Reading<${READINGS}>>`],
  [
    'oneReadings =',
    'const oneReadings: { readonly temperature: number | null; readonly door: "open" | "closed" | null; } | undefined',
  ],
  ['found =', `const found: Device<${STATE}> | null`],
  ['twin =', `const twin: Twin<${STATE}> | null`],
  ['desired =', 'const desired: { readonly mode?: "fast" | "slow"; readonly label?: string; } | undefined'],
  ['interval: 60', '(property) interval: number'],
  ['handle =', 'const handle: CommandHandle<{ previous: number; }>'],
  ['result =', 'const result: { previous: number; }'],
  ['samples }', `const samples: readonly ConsumedSample<${READINGS}>[]`],
])('hovering `%s` shows %s', (place, shown) => {
  const { displayParts } = service.getQuickInfoAtPosition(file, PROGRAM.indexOf(place)) ?? {}
  expect(inALine(displayParts)).toBe(shown)
})

/** What is shown while an argument is written. */
test.each([
  ['{ interval: 60', 'payload: { interval: number; }'],
  [
    "{ mode: 'fast' }",
    'patch: DesiredPatch<{ readonly mode: "fast" | "slow"; readonly label: string | null; }>',
  ],
])('writing `%s` shows %s', (place, shown) => {
  const help = service.getSignatureHelpItems(file, PROGRAM.indexOf(place), undefined)
  const parameter = help?.items[help.selectedItemIndex]?.parameters[help.argumentIndex]
  expect(inALine(parameter?.displayParts)).toBe(shown)
})

function inALine(parts: ts.SymbolDisplayPart[] | undefined): string {
  return ts.displayPartsToString(parts).replace(/\s+/g, ' ')
}
