import { mosquittoFiles } from '../mosquitto-files/mosquitto-files.js'
import { sinkDevice } from './fleet.js'

// A process of its own: issues devices one after the other, and says on its standard output which are done.
const [passwordFile = '', aclFile = '', name = '', count = ''] = process.argv.slice(2)
const sink = mosquittoFiles({ passwordFile, aclFile, reload: () => {}, timeout: '1m' })
for (let index = 0; index < Number(count); index++) {
  const device = sinkDevice('station', `${name}-${index}`)
  await sink.apply([{ kind: 'set', device, password: 'secret' }])
  process.stdout.write(`${device.username}\n`)
}
