import type { DeviceStatus } from '../model/statuses.js'
import type { DeviceRecord, FleetOverview, LabelCounts, OverviewRequest } from '../ports/devices.js'
import { compareText } from './list-devices.js'

type Counted = Pick<DeviceRecord, 'status' | 'isActive' | 'lastSeen' | 'batteryLevel' | 'labels'>

/** How many devices there are of which kind, of those given. For storages that have their rows in memory. */
export function overviewOf(
  devices: Iterable<Counted>,
  { labels, seenBefore, batteryBelow, maxValues }: OverviewRequest,
): FleetOverview {
  const byStatus: { [Status in DeviceStatus]?: number } = {}
  const values = new Map(labels.map((label) => [label, new Map<string, number>()]))
  const counts = { total: 0, inactive: 0, silent: 0, neverSeen: 0, lowBattery: 0 }
  for (const device of devices) {
    counts.total++
    byStatus[device.status] = (byStatus[device.status] ?? 0) + 1
    for (const [label, counted] of values) {
      const value = Object.hasOwn(device.labels, label) ? device.labels[label] : undefined
      if (value !== undefined) counted.set(value, (counted.get(value) ?? 0) + 1)
    }
    if (!device.isActive) counts.inactive++
    else {
      if (device.lastSeen === null) counts.neverSeen++
      else if (device.lastSeen < seenBefore) counts.silent++
      if (device.batteryLevel !== null && device.batteryLevel < batteryBelow) counts.lowBattery++
    }
  }
  const byLabel = [...values].map(([label, counted]) => [
    label,
    labelCounts(counted, counts.total, maxValues),
  ])
  return { ...counts, byStatus, byLabel: Object.fromEntries(byLabel) as Record<string, LabelCounts> }
}

function labelCounts(counted: ReadonlyMap<string, number>, total: number, maxValues: number): LabelCounts {
  const all = [...counted]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || compareText(a.value, b.value))
  const values = all.slice(0, maxValues)
  const sum = (some: typeof all) => some.reduce((total, { count }) => total + count, 0)
  return { values, others: sum(all) - sum(values), without: total - sum(all) }
}
