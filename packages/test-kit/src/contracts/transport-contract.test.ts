import { startMosquitto } from '../services/mosquitto.js'
import { plainTransport } from './transport/plain-transport.js'
import { transportContract } from './transport-contract.js'

transportContract('plain', {
  startBroker: () => startMosquitto({ persistence: false }),
  createTransport: ({ url, ingest }) => plainTransport({ url, ingest, filter: 'things/contract/+/data' }),
  topic: (name) => `things/contract/${name}/data`,
})
