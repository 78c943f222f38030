import { describeWith } from '../services/describe-with.js'
import { plainTransport } from './transport/plain-transport.js'
import { transportContract } from './transport-contract.js'

describeWith({ mosquitto: 'own' }, 'at mosquitto', ({ mosquitto }) => {
  transportContract('plain', {
    startBroker: () => mosquitto.start({ persistence: false }),
    createTransport: ({ url, ingest }) => plainTransport({ url, ingest, filter: 'things/contract/+/data' }),
    topic: (name) => `things/contract/${name}/data`,
  })
})
