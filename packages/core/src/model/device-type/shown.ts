/**
 * `unknown`, so that an intersection with it is the other part itself. An editor then shows the members of a type, in
 * place of its name with all that it was made from. (A plain `& {}` does not do it for a type that is imported.)
 */
export type Shown<T> = [T] extends [T] ? unknown : never
