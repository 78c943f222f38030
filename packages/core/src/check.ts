/**
 * The rules that options and arguments are checked with, at the door of every public function. A rule takes a value or
 * refuses it with a `DeviceHubError` that names function, key and expectation.
 *
 * @example
 * import { accept, flag, optional, options } from '@devicehub/core/check'
 *
 * const OPTIONS = options<{ readonly loud?: boolean }>({ loud: optional(flag) })
 * const { loud = false } = accept('createHorn', 'options', OPTIONS, { loud: true })
 */
export * from './model/check/index.js'
export { durationText, type InMilliseconds, type InSeconds, parseDuration } from './model/duration.js'
export { labels } from './model/selector/labels.js'
export * from './ports/checks.js'
