import { accept, callback } from './check/index.js'
import { isDeviceHubError } from './errors.js'

/**
 * What work gives that a `close()` or `stop()` may end. Whoever awaits it learns of `closed`; where nobody does, that
 * rejection does not end the process, for whoever closed it expects it. Any other rejection does, as always.
 */
export function quietWhenClosed<Result>(work: () => Promise<Result>): Promise<Result> {
  accept('quietWhenClosed', 'work', callback(), work)
  const result: Promise<Result> = run()
  async function run(): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      if (isDeviceHubError(error, 'closed')) result.catch(() => {})
      throw error
    }
  }
  return result
}
