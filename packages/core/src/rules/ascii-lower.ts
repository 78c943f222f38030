/**
 * A to Z in lower case, all else as it is. Searches fold no more than that: what is a capital letter beyond ASCII depends on
 * a language and on the version of a database's collations, and one fleet would be found in one database and not in another.
 */
export const asciiLower = (text: string): string =>
  text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
