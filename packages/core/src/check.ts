/**
 * The rules that options and arguments are checked with, at the door of every public function. A rule takes a value or
 * refuses it with a `DeviceHubError` that names function, key and expectation.
 */
export * from './model/check/index.js'
export * from './ports/checks.js'
