import * as check from '@devicehub/core/check'
import { wait } from '../settings/option-rules.js'
import type { TopicHandler, TopicHandlerOptions } from './topic-handler.js'

const { accept, brokerName, integer, optional, options, text, word } = check

const HANDLER = options<check.InMilliseconds<TopicHandlerOptions>>({
  qos: optional(word(0, 1, 2)),
  timeout: wait('1ms'),
  concurrency: optional(integer({ min: 1, max: 65_535 })),
  shared: optional(check.flag),
  name: optional(
    text({ max: 64, pattern: /^[A-Za-z0-9_-]+$/, expected: '1 to 64 letters, digits, _ and -' }),
  ),
  broker: optional(brokerName),
})

/** The arguments of `listener.handle`. Throws `invalid_options`. */
export function acceptHandler(
  filter: unknown,
  handler: unknown,
  given: unknown,
): check.InMilliseconds<TopicHandlerOptions> {
  // Any text: `assertFilter` says later what is wrong with a filter.
  accept('listener.handle', 'filter', text({ min: 0, max: 65_535 }), filter)
  accept('listener.handle', 'handler', check.callback<TopicHandler>(), handler)
  return accept('listener.handle', 'options', HANDLER, given)
}
