const FLAG = 'handler:'

/** In the audit row of a message that a topic handler could not handle. */
export const handlerFlag = (name: string): string => `${FLAG}${name}`

export function handlerOf(flags: string | null): string | undefined {
  const flag = flags?.split(' ').find((one) => one.startsWith(FLAG))
  return flag?.slice(FLAG.length)
}
