import { DeviceHubError } from '@devicehub/core'
import type { SinkDevice } from '../credential-sink.js'

export interface AclSection {
  /** The lines of each user between the two markers. */
  readonly users: ReadonlyMap<string, readonly string[]>
  /** The text of the file with these users between the markers, everything else as it is. */
  replace(users: ReadonlyMap<string, readonly string[]>): string
}

/** A user that cannot log in: a `topic` line that somebody adds below the section must not be the last device's. */
export const nobodyOf = (section: string): string => `${section}-nobody`

/** `sink_failed` when the markers are not a pair. */
export function parseAclSection(text: string, section: string, file: string): AclSection {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const begin = `# ${section} begin`
  const end = `# ${section} end`
  const begins = positions(lines, (line) => line === begin || line.startsWith(`${begin}:`))
  const ends = positions(lines, (line) => line === end)
  const [from = lines.length] = begins
  const [to = lines.length] = ends
  if (begins.length !== ends.length || begins.length > 1 || (begins.length === 1 && to < from))
    throw new DeviceHubError(
      'sink_failed',
      `${file} does not have one line "${begin}" and one line "${end}" below it: correct them, or remove both and what is between them`,
    )
  return {
    users: usersIn(lines.slice(from + 1, to), nobodyOf(section)),
    replace(users) {
      const block = [
        `${begin}: a program writes this, changes up to the end line are lost`,
        ...[...users.values()].flat(),
        `user ${nobodyOf(section)}`,
        end,
      ]
      return [...lines.slice(0, from), ...block, ...lines.slice(to + 1)].map((line) => `${line}\n`).join('')
    },
  }
}

export const aclLines = ({ username, topics }: SinkDevice): string[] => [
  `user ${username}`,
  ...topics.publish.map((topic) => `topic write ${topic}`),
  ...topics.subscribe.map((topic) => `topic read ${topic}`),
]

function usersIn(lines: readonly string[], nobody: string): Map<string, string[]> {
  const users = new Map<string, string[]>()
  // What stands above the first user is nobody's, and goes with the next writing.
  let current: string[] = []
  for (const line of lines) {
    if (line.startsWith('user ')) {
      const name = line.slice(5).trim()
      current = users.get(name) ?? []
      users.set(name, current)
    }
    current.push(line)
  }
  users.delete(nobody)
  return users
}

const positions = (lines: readonly string[], is: (line: string) => boolean): number[] =>
  lines.flatMap((line, index) => (is(line) ? [index] : []))
