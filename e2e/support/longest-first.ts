import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take longest, the longest first; measured on two processors. Others may be here: order is all it changes. */
const LONG = [
  '/postgres.contract.test.ts',
  '/mariadb.contract.test.ts',
  '/small-heap.test.ts',
  '/bulk-import.test.ts',
  '/service-lifecycle.test.ts',
  '/create-device-client.test.ts',
  '/durable-commands.test.ts',
  '.contract.test.ts',
  '/hub-functions.test.ts',
  '/public-functions.test.ts',
  '/docs-samples.test.ts',
  '/describe-with.test.ts',
  '/watchdog.test.ts',
  '/hub-consume.test.ts',
  '/slot-replicas.test.ts',
  '/replicas.test.ts',
  '/rabbitmq.test.ts',
  '/evolution.test.ts',
  '/fenced-commit.test.ts',
]

/**
 * A long file that starts last runs alone while the other workers have nothing to do. Vitest would go by package; the
 * other files do, so that a worker takes the next one of its package and has its modules already.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const place = ({ moduleId }: TestSpecification) => {
      const index = LONG.findIndex((end) => moduleId.endsWith(end))
      return index === -1 ? LONG.length : index
    }
    const projects = [...new Set(sorted.map(({ project }) => project.name))]
    return sorted
      .map((file) => ({ file, place: place(file), project: projects.indexOf(file.project.name) }))
      .sort((a, b) => a.place - b.place || (a.place < LONG.length ? 0 : a.project - b.project))
      .map(({ file }) => file)
  }
}
