// Runs the program in the first argument, and tells the parent when its last line was reached.
import { pathToFileURL } from 'node:url'

/** Milliseconds in which what nobody awaits may still fail: a rejection that is not handled ends the program. */
const LATE = 100

await import(pathToFileURL(process.argv[2]).href)
setTimeout(() => process.send('at its last line'), LATE).unref()
