import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import mqttPacket, { type IConnackPacket, type IPublishPacket, type Packet } from 'mqtt-packet'

/** What the test decides of each connection; what it leaves out is done as a friendly broker would. */
export interface Script {
  readonly connack?: Partial<IConnackPacket>
  /** Answers a publication: a PUBACK reason code, `silence`, `cut` the socket, or DISCONNECT with a reason. */
  readonly onPublish?: (
    packet: IPublishPacket,
    connection: number,
  ) => number | 'silence' | 'cut' | { readonly disconnect: number }
  /** The same for the status of the device; default 0. */
  readonly onStatus?: Script['onPublish']
  /** Reason code of SUBACK; default 1 (QoS 1). `silence`: none at the first connection. */
  readonly granted?: number | 'silence'
}

export interface ScriptedBroker extends AsyncDisposable {
  readonly url: string
  readonly packets: Packet[]
  /** All publications except those to a status topic. */
  published(): IPublishPacket[]
  /** The most publications that were unanswered at once. */
  readonly mostInFlight: number
  readonly connections: number
  send(packet: Packet): void
  /** Ends every connection. */
  cut(): void
}

/**
 * An MQTT 5 server on a real socket that answers as the test says: the refusals and the silence that real brokers show
 * only under load or with plugins.
 */
export async function startScriptedBroker(script: Script = {}): Promise<ScriptedBroker> {
  const packets: Packet[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  let mostInFlight = 0
  const options = { protocolVersion: 5 }

  const server: Server = createServer((socket) => {
    const connection = ++connections
    const parser = mqttPacket.parser(options)
    const reply = (packet: Packet) => socket.writable && socket.write(mqttPacket.generate(packet, options))
    let unanswered = 0
    let answers: (() => void)[] = []
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    socket.on('data', (chunk) => parser.parse(chunk))
    parser.on('packet', (packet) => {
      packets.push(packet)
      if (packet.cmd === 'connect')
        reply({ cmd: 'connack', reasonCode: 0, sessionPresent: false, ...script.connack } as Packet)
      else if (packet.cmd === 'subscribe') {
        const granted = script.granted === 'silence' ? connection > 1 && 1 : (script.granted ?? 1)
        if (granted !== false)
          reply({ cmd: 'suback', messageId: packet.messageId as number, granted: [granted] } as Packet)
      } else if (packet.cmd === 'pingreq') reply({ cmd: 'pingresp' } as Packet)
      else if (packet.cmd === 'publish') {
        mostInFlight = Math.max(mostInFlight, ++unanswered)
        answers.push(() => answer(packet))
        // Answering a turn later lets all that was sent at once arrive first.
        if (answers.length === 1) setTimeout(flush, 5)
      }
    })
    function flush(): void {
      const due = answers
      answers = []
      for (const each of due) each()
    }
    function answer(packet: IPublishPacket): void {
      const ask = packet.topic.endsWith('/status') ? script.onStatus : script.onPublish
      const verdict = ask?.(packet, connection) ?? 0
      if (verdict === 'silence') return
      if (verdict === 'cut') return void socket.destroy()
      if (typeof verdict === 'object')
        return void reply({ cmd: 'disconnect', reasonCode: verdict.disconnect } as Packet)
      unanswered--
      reply({ cmd: 'puback', messageId: packet.messageId as number, reasonCode: verdict } as Packet)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }

  return {
    url: `mqtt://127.0.0.1:${port}`,
    packets,
    published: () =>
      packets.filter(
        (packet): packet is IPublishPacket => packet.cmd === 'publish' && !packet.topic.endsWith('/status'),
      ),
    get mostInFlight() {
      return mostInFlight
    },
    get connections() {
      return connections
    },
    send(packet) {
      for (const socket of sockets) socket.write(mqttPacket.generate(packet, options))
    },
    cut() {
      for (const socket of sockets) socket.destroy()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
