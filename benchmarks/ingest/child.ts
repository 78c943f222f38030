/** One candidate in a process of its own, so that its memory and event loop are its own. */
import { CANDIDATES, type Candidate, type CandidateOptions } from './candidates.js'

const [name, options] = process.argv.slice(2) as [string, string]
const result = await (CANDIDATES[name] as Candidate)(JSON.parse(options) as CandidateOptions)
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
