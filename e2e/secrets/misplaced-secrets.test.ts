import { brokerConfig, createBrokerAuth } from '@devicehub/broker-auth'
import { createDeviceClient } from '@devicehub/client'
import { createDeviceHub, defineDeviceType, isDeviceHubError, reading, silentLogger } from '@devicehub/core'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { createProvisioner, mosquittoDynamicSecurity, mosquittoFiles } from '@devicehub/provision'
import { expect, test } from 'vitest'

const SECRET = 'S3CRETs3cretS3CRETs3cretS3CRETs3cretS3CRETs3'
const URL_WITH_SECRET = `mqtt://user:${SECRET}@localhost`

const Sensor = defineDeviceType('sensor', { readings: { temperature: reading.float() } })
const credentials = { secret: 'a'.repeat(44) }
const hub = createDeviceHub({ types: [Sensor], logger: silentLogger, credentials })
const provisioner = createProvisioner(hub)

/** A function as somebody calls it in JavaScript. */
const loosely = (call: unknown) => call as (...args: unknown[]) => unknown

const CALLS: Readonly<Record<string, () => unknown>> = {
  'createDeviceHub(secret)': () => loosely(createDeviceHub)(SECRET),
  'createDeviceHub: credentials': () => loosely(createDeviceHub)({ types: [Sensor], credentials: SECRET }),
  'createDeviceHub: credentials.secrets': () =>
    loosely(createDeviceHub)({ types: [Sensor], credentials: { secrets: SECRET } }),
  'createBrokerAuth(hub, secret)': () => loosely(createBrokerAuth)(hub, SECRET),
  'createBrokerAuth: accounts': () => loosely(createBrokerAuth)(hub, { secret: SECRET, accounts: SECRET }),
  'createBrokerAuth: accounts.hub': () =>
    loosely(createBrokerAuth)(hub, { secret: SECRET, accounts: { hub: SECRET } }),
  'createMqttListener(hub, url)': () => loosely(createMqttListener)(hub, URL_WITH_SECRET),
  'createMqttListener: brokers.a': () =>
    loosely(createMqttListener)(hub, { brokers: { a: URL_WITH_SECRET } }),
  'createMqttListener: url without a scheme': () =>
    loosely(createMqttListener)(hub, { url: URL_WITH_SECRET.replace(':', '') }),
  'createMqttListener: keepAlive': () =>
    loosely(createMqttListener)(hub, { url: 'mqtt://localhost', keepAlive: SECRET }),
  'createDeviceClient(type, url)': () => loosely(createDeviceClient)(Sensor, URL_WITH_SECRET),
  'createDeviceClient: credentials': () =>
    loosely(createDeviceClient)(Sensor, { url: 'mqtt://localhost', deviceId: 's', credentials: SECRET }),
  'mosquittoDynamicSecurity(url)': () => loosely(mosquittoDynamicSecurity)(URL_WITH_SECRET),
  'mosquittoFiles(secret)': () => loosely(mosquittoFiles)(SECRET),
  'brokerConfig(broker, secret)': () => loosely(brokerConfig)('emqx', SECRET),
  'createProvisioner(hub, secret)': () => loosely(createProvisioner)(hub, SECRET),
  'createProvisioner: sinks': () => loosely(createProvisioner)(hub, { sinks: [SECRET] }),
  'importDevices: output': () =>
    loosely(provisioner.importDevices)(Sensor, { rows: [{ device_id: 's' }] }, { output: SECRET }),
  'setPassword: options': () => loosely(provisioner.setPassword)(Sensor, 's', SECRET, SECRET),
  'claim(key)': () => loosely(provisioner.claim)(SECRET),
}

test.each(Object.keys(CALLS))('%s: the error shows nothing of a secret in the wrong place', async (call) => {
  const error = await Promise.resolve()
    .then(CALLS[call])
    .then(() => null)
    .catch((thrown: unknown) => thrown)
  if (!isDeviceHubError(error)) throw new Error(`${call} was not refused: ${String(error)}`)
  const shown = `${error.message} ${JSON.stringify(error.details)} ${error.stack} ${String(error.cause)}`
  expect(shown).not.toContain(SECRET.slice(0, 8))
})
