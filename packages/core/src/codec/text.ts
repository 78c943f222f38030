/** Whether a text is whole: every surrogate has its other half, and there is no NUL, which PostgreSQL refuses. */
export function isStorableText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0) return false
    if (code < 0xd800 || code > 0xdfff) continue
    const next = text.charCodeAt(i + 1)
    if (code > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return false
    i++
  }
  return true
}

/** Storable, and at most so many characters; a character outside the basic plane counts once, as in databases. */
export function isTextWithin(text: string, maxLength: number): boolean {
  // There are never more characters than code units, nor fewer than half as many.
  if (text.length > maxLength * 2) return false
  if (!isStorableText(text)) return false
  if (text.length <= maxLength) return true
  let surrogates = 0
  for (let i = 0; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) surrogates++
  }
  return text.length - surrogates <= maxLength
}
