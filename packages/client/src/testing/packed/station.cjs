// What a user's program does with the package, run by the ESM and by the CommonJS entry.
exports.startStation = async ({ createDeviceClient, defineDeviceType, command, reading, z }) => {
  const [url, folder] = process.argv.slice(2)
  const Station = defineDeviceType('station', {
    readings: { temperature: reading.float() },
    commands: {
      set_interval: command({
        payload: z.object({ interval: z.int().positive() }),
        result: z.object({ interval: z.int(), node: z.string() }),
      }),
      stop: command(),
    },
  })
  const client = createDeviceClient(Station, { url, deviceId: 'S-1', protocolVersion: 4, outbox: { folder } })
  client.onCommand('set_interval', ({ interval }) => ({ interval, node: process.version }))
  client.onCommand('stop', () => void setImmediate(() => client.close()))
  await client.record({ temperature: 21.5 })
  await client.connect()
}
