export interface JsonElement {
  /** Where it begins, from 1. */
  readonly line: number
  /** Null: longer than the bound. */
  readonly text: string | null
}

const WHITE = /[\s,]/

/**
 * Cuts the elements of an array out of its text (what follows `[`), without parsing them. An element that is no JSON is
 * cut as well as it can be: no string of JSON goes over the end of a line, so that one with a missing quote ends there.
 */
export class JsonArraySplitter {
  readonly #max: number
  #line: number
  #startLine = 0
  #text = ''
  #tooLong = false
  #started = false
  #depth = 0
  #inString = false
  #escaped = false
  /** The array was closed. */
  ended = false
  /** Where something follows that does not belong there: a bracket too many has closed the array. */
  behind: number | null = null

  constructor(max: number, line: number) {
    this.#max = max
    this.#line = line
  }

  /** The elements that end within this piece. */
  push(chunk: string): JsonElement[] {
    const found: JsonElement[] = []
    for (const character of chunk) {
      if (character === '\n') this.#line++
      if (this.ended) {
        if (this.behind === null && character.trim() !== '') this.behind = this.#line
        continue
      }
      const element = this.#take(character)
      if (element !== null) found.push(element)
    }
    return found
  }

  /** Of the element that was begun, else where the text has come to. */
  get line(): number {
    return this.#started ? this.#startLine : this.#line
  }

  #take(character: string): JsonElement | null {
    if (!this.#started) {
      if (WHITE.test(character)) return null
      if (character === ']') {
        this.ended = true
        return null
      }
      this.#started = true
      this.#startLine = this.#line
    }
    if (this.#inString) {
      this.#keep(character)
      if (character === '\n') return this.#cut()
      if (this.#escaped) this.#escaped = false
      else if (character === '\\') this.#escaped = true
      else if (character === '"') this.#inString = false
      return null
    }
    if (this.#depth === 0 && (character === ',' || character === ']')) {
      this.ended = character === ']'
      return this.#cut()
    }
    this.#keep(character)
    if (character === '"') this.#inString = true
    else if (character === '{' || character === '[') this.#depth++
    else if (character === '}' || character === ']') {
      this.#depth--
      if (this.#depth <= 0) return this.#cut()
    }
    return null
  }

  #keep(character: string): void {
    if (this.#text.length + character.length > this.#max) this.#tooLong = true
    else if (!this.#tooLong) this.#text += character
  }

  #cut(): JsonElement {
    const element = { line: this.#startLine, text: this.#tooLong ? null : this.#text }
    this.#text = ''
    this.#tooLong = false
    this.#started = false
    this.#depth = 0
    this.#inString = false
    this.#escaped = false
    return element
  }
}
