/** How a public function is called when all is well; the attack spoils these arguments one by one. */
export interface SampleCall {
  readonly args: () => readonly unknown[]
  /** What a call gives back has functions of its own: the name under which they are covered. */
  readonly returns?: string
  /** Who else calls what it gives back, such as a server: it is not ours to be called. */
  readonly foreign?: string
  /** Why a call may wait for something; it settles when what it belongs to is closed. */
  readonly waits?: string
  /** It goes through an iterable of the caller's: what that one throws comes out as it is. */
  readonly iterates?: true
  /** A call that is right takes a tenth of a second or more: it is made this often at most. */
  readonly runs?: number
  /** Never called with what is right: a call would do something that a test must not, such as to start a server. */
  readonly refusedOnly?: true
}

/** Why a function is left alone. */
export interface Exclusion {
  readonly excluded: string
}

export type Coverage = Readonly<Record<string, SampleCall | Exclusion>>

export const call = (
  args: () => readonly unknown[] = () => [],
  how: Omit<SampleCall, 'args'> = {},
): SampleCall => ({
  args,
  ...how,
})

export const without = (reason: string, ...names: readonly string[]): Record<string, Exclusion> =>
  Object.fromEntries(names.map((name) => [name, { excluded: reason }]))

export const isExcluded = (coverage: SampleCall | Exclusion): coverage is Exclusion => 'excluded' in coverage
