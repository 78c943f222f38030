/** Each unit reaches from March 1973 to the year 5138; below and above lie the next coarser and the next finer one. */
export const SECONDS_BELOW = 1e11
export const MILLISECONDS_BELOW = 1e14
export const MICROSECONDS_BELOW = 1e17
