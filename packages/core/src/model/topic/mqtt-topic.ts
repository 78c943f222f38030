/** [MQTT-1.5.4]: a string's length is counted in 16 bits. */
const MAX_BYTES = 65_535

/** Bytes in UTF-8; -1 for text that has none: NUL [MQTT-1.5.4-2] or a lone surrogate [MQTT-1.5.4-1]. */
function utf8Length(text: string): number {
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0) return -1
    if (code < 0x80) bytes += 1
    else if (code < 0x800) bytes += 2
    else if (code < 0xd800 || code > 0xdfff) bytes += 3
    else {
      const next = text.charCodeAt(i + 1)
      if (code > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return -1
      bytes += 4
      i++
    }
  }
  return bytes
}

function isMqttText(text: string): boolean {
  // Callers in JavaScript.
  if (typeof text !== 'string') return false
  // [MQTT-4.7.3-1]: at least one character.
  const bytes = utf8Length(text)
  return bytes > 0 && bytes <= MAX_BYTES
}

/** Whether a message can be published to it: no wildcards [MQTT-3.3.2-2], no NUL, 1 to 65,535 bytes. */
export const isValidTopic = (topic: string): boolean =>
  isMqttText(topic) && !topic.includes('+') && !topic.includes('#')

/** Whether it can be subscribed to; `$share/<group>/<filter>` has to be well formed [MQTT-4.8.2-1]. */
export function isValidTopicFilter(filter: string): boolean {
  if (!isMqttText(filter)) return false
  const levels = filter.split('/')
  if (levels[0] === '$share') {
    const group = levels[1] ?? ''
    if (levels.length < 3 || group === '' || group.includes('+') || group.includes('#')) return false
    const rest = filter.slice(`$share/${group}/`.length)
    return rest !== '' && isValidTopicFilter(rest) && !rest.startsWith('$share/')
  }
  return levels.every((level, index) => {
    // [MQTT-4.7.1-1]: `#` is a whole level and the last one. [MQTT-4.7.1-2]: `+` is a whole level.
    if (level.includes('#')) return level === '#' && index === levels.length - 1
    return !level.includes('+') || level === '+'
  })
}

/** Whether a message on the topic reaches a subscriber of the filter. Both have to be valid; `$share` is to be stripped before. */
export function topicMatches(filter: string, topic: string): boolean {
  if (typeof filter !== 'string' || typeof topic !== 'string') return false
  // [MQTT-4.7.2-1]: a filter that starts with a wildcard does not match topics that start with `$`.
  if (topic.charCodeAt(0) === 0x24 && (filter.charCodeAt(0) === 0x2b || filter.charCodeAt(0) === 0x23))
    return false
  const wanted = filter.split('/')
  const levels = topic.split('/')
  for (let i = 0; i < wanted.length; i++) {
    // [MQTT-4.7.1-2]: `a/#` matches `a` as well.
    if (wanted[i] === '#') return levels.length >= i
    if (i >= levels.length) return false
    if (wanted[i] !== '+' && wanted[i] !== levels[i]) return false
  }
  return wanted.length === levels.length
}
