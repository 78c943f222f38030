/** One candidate in a process of its own, so that its memory and event loop are its own. */
import * as candidates from './candidates.js'

const [name, options] = process.argv.slice(2) as [keyof typeof candidates, string]
const candidate = candidates[name] as candidates.Candidate
const result = await candidate(JSON.parse(options) as candidates.CandidateOptions)
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
