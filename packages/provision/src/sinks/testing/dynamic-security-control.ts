import { createRawClient } from '@devicehub/test-kit'

const TOPIC = '$CONTROL/dynamic-security/v1'

export interface HandControl extends AsyncDisposable {
  /** The answer to one command, by hand, past the sink. */
  (command: string, fields?: object): Promise<{ error?: string; data?: Record<string, unknown> }>
}

/** An administrator beside the sink. */
export async function handControl(
  port: number,
  admin: { username: string; password: string },
): Promise<HandControl> {
  const client = await createRawClient({
    port,
    acknowledge: true,
    connect: { username: admin.username, password: Buffer.from(admin.password) },
  })
  await client.subscribe(`${TOPIC}/response`)
  let count = 0
  const ask = async (command: string, fields: object = {}) => {
    const correlationData = `hand-${++count}`
    const body = { commands: [{ command, ...fields, correlationData }] }
    await client.publish(TOPIC, JSON.stringify(body))
    const where = (packet: { payload: string | Buffer }) =>
      String(packet.payload).includes(`"${correlationData}"`)
    const answer = await client.next('publish', { where })
    return JSON.parse(String(answer.payload)).responses[0]
  }
  return Object.assign(ask, { [Symbol.asyncDispose]: () => client.destroy() })
}
