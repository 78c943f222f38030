import { CORE_LAYERS, PACKAGES } from './layers.mjs'

const WIDTH = 760
const ROW = 44
const GAP = 14
const BOX = 34

const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;')

function box(x, y, width, height, text, kind) {
  const label = `<text x="${x + width / 2}" y="${y + height / 2 + 4}" text-anchor="middle">${escaped(text)}</text>`
  return `<g class="${kind}"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="5"/>${label}</g>`
}

/** The boxes of one row share its width. */
function row(names, x, y, width, kind) {
  const each = (width - GAP * (names.length - 1)) / names.length
  return names.map((name, index) => box(x + index * (each + GAP), y, each, BOX, name, kind)).join('\n')
}

/** Below everything: bundled into the packages that use it. */
const BASE = 'async'

/** The packages above core by how far they stand above it, the highest first. */
function packageRows() {
  const depth = (name) =>
    Math.max(0, ...PACKAGES[name].filter((each) => each !== BASE).map((each) => 1 + depth(each)))
  const rows = []
  for (const name of Object.keys(PACKAGES)) rows[depth(name)] = [...(rows[depth(name)] ?? []), name]
  return rows.slice(1).reverse()
}

/** Packages and core's layers as SVG: every box imports only from boxes below it. */
export function architecture() {
  const parts = [box(0, 0, WIDTH, BOX, 'your application', 'app')]
  let y = ROW + GAP
  for (const names of packageRows()) {
    parts.push(row(names, 0, y, WIDTH, 'package'))
    y += ROW + GAP / 2
  }
  y += GAP / 2
  const layers = [...CORE_LAYERS].reverse()
  const height = layers.length * ROW + 36
  parts.push(`<g class="core"><rect x="0" y="${y}" width="${WIDTH}" height="${height}" rx="8"/>`)
  parts.push(`<text x="14" y="${y + 22}">core</text></g>`)
  layers.forEach((folders, index) => {
    parts.push(row(folders, 14, y + 32 + index * ROW, WIDTH - 28, 'layer'))
  })
  y += height + GAP
  parts.push(box(0, y, WIDTH, BOX, `${BASE} (private, bundled)`, 'package'))
  const total = y + BOX
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 ${WIDTH + 2} ${total + 2}" role="img" aria-label="Packages and the layers of core: each imports only what stands below it">
<style>
text { font: 13px system-ui, sans-serif; fill: #1b2733 }
rect { stroke: #8aa0b5; fill: #fff }
.app rect { fill: #f3f0ff; stroke: #9a86d8 }
.package rect { fill: #e9f4ff; stroke: #6fa8dc }
.core > rect { fill: #f4f7f5; stroke: #7aa88a }
.core > text { font-weight: 600 }
</style>
${parts.join('\n')}
</svg>
`
}
