import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** Sends the bytes as they are and reads until the server closes the connection. Null: it closed without an answer. */
export function sendRaw(url: string, bytes: string): Promise<RawAnswer | null> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(Number(port), hostname, () => socket.write(bytes, 'latin1'))
    socket.setEncoding('latin1')
    socket.on('data', (part) => {
      text += part
    })
    // A server that refuses a body closes while it is still being sent.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
    socket.on('close', () => resolve(text === '' ? null : parse(text)))
  })
}

function parse(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n').filter((part) => !part.startsWith('HTTP/1.1 100'))
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = new Map(lines.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]))
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: new Map([...headers].map(([name, value]) => [name.toLowerCase(), value])),
    body: unchunked(rest.join('\r\n\r\n'), headers),
  }
}

/** Bodies of the tests are short: one chunk and the last. */
function unchunked(body: string, headers: ReadonlyMap<string, string>): string {
  if (![...headers].some(([name]) => name.toLowerCase() === 'transfer-encoding')) return body
  return body.replace(/^[0-9a-f]+\r\n/i, '').replace(/(\r\n)?0\r\n(\r\n)?$/, '')
}
