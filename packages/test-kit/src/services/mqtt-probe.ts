import { connect } from 'node:net'
import { generate } from 'mqtt-packet'

/** Whether something on the port answers a CONNECT, be it with a refusal. */
export function answersMqtt(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(
        generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'probe', clean: true }),
      )
    })
    const end = (answers: boolean) => {
      socket.destroy()
      resolve(answers)
    }
    // CONNACK is packet type 2.
    socket.once('data', (chunk) => end(chunk[0] === 0x20))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
    socket.setTimeout(5000, () => end(false))
  })
}
