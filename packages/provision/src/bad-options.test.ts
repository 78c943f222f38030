import { createDeviceHub, defineDeviceType, memoryStorage } from '@devicehub/core'
import { expect, test } from 'vitest'
import {
  createProvisioner,
  csvSink,
  mosquittoDynamicSecurity,
  mosquittoFiles,
  type Provisioner,
} from './index.js'

const Station = defineDeviceType('station', {})
const hub = createDeviceHub({
  types: [Station],
  storage: memoryStorage(),
  credentials: { secret: 'a secret of the tests, long enough' },
})
const provisioner = createProvisioner(hub)
const any = (value: unknown) => value as never
const pid = process.pid

test.each<[string, () => unknown, RegExp]>([
  ['no hub', () => createProvisioner(any({})), /hub must be a hub made by createDeviceHub/],
  ['a misspelt option', () => createProvisioner(hub, any({ sink: [] })), /did you mean sinks/],
  ['no sink', () => createProvisioner(hub, any({ sinks: [{}] })), /sinks\[0\] must be a sink/],
  [
    'an option of claims',
    () => createProvisioner(hub, { claimHandler: { maxFailures: -1 } }),
    /claimHandler\.maxFailures must be a whole number from 1 up, not -1/,
  ],
  ['no csv file', () => csvSink(any({})), /csvSink: file is missing/],
  ['no csv options', () => csvSink(any(undefined)), /csvSink: options must be/],
  ['a misspelt file', () => mosquittoFiles(any({ passwordfile: 'x' })), /did you mean passwordFile/],
  [
    'a process group',
    () => mosquittoFiles({ passwordFile: 'a', aclFile: 'b', reload: { pid: -1 } }),
    /reload\.pid must be a whole number from 2/,
  ],
  [
    'one file for both',
    () => mosquittoFiles({ passwordFile: 'a', aclFile: 'a', reload: { pid } }),
    /the same file/,
  ],
  ['no url', () => mosquittoDynamicSecurity(any({ username: 'a', password: 'b' })), /url is missing/],
])('%s is refused', (_, call, message) => {
  expect(call).toThrow(
    expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(message) }),
  )
})

test('no password is shown in an error', () => {
  const options = { url: 'mqtt://me:hunter2\0@x', username: 'a', password: any(['hunter2']) }
  for (const given of [options, { ...options, url: 'mqtt://x' }])
    try {
      mosquittoDynamicSecurity(given)
      expect.unreachable()
    } catch (error) {
      expect(String(error)).toMatch(/must be/)
      expect(String(error)).not.toContain('hunter2')
    }
})

test.each<[string, (to: Provisioner) => Promise<unknown>, string, RegExp]>([
  ['no type', (to) => to.generateCredentials(any(null), 'S-1'), 'unknown_type', /type must be a device type/],
  ['no id', (to) => to.generateCredentials(Station, any(5)), 'invalid_device_id', /deviceId must be/],
  [
    'an unknown option',
    (to) => to.generateCredentials(Station, 'S-1', any({ expires: 1 })),
    'invalid_options',
    /"expires" is not known here; did you mean expiresAt/,
  ],
  [
    'an invalid date',
    (to) => to.generateCredentials(Station, 'S-1', { expiresAt: new Date(Number.NaN) }),
    'invalid_options',
    /expiresAt must be a valid Date/,
  ],
  ['no kinds', (to) => to.rotate(Station, 'S-1', { kinds: [] }), 'invalid_options', /kinds has 0 items/],
  [
    'an overlap in text',
    (to) => to.rotate(Station, 'S-1', { overlap: any('60') }),
    'invalid_options',
    /overlap must be a duration from 0s to 3650d/,
  ],
  [
    'no output',
    (to) => to.importDevices(Station, { count: 1 }, any({})),
    'invalid_options',
    /output is missing/,
  ],
  [
    'no options',
    (to) => to.importDevices(Station, { count: 1 }, any(undefined)),
    'invalid_options',
    /options must/,
  ],
  [
    'no source',
    (to) => to.importDevices(Station, any({ file: 'x' }), { output: () => {} }),
    'invalid_options',
    /source must be one of/,
  ],
  [
    'two sources',
    (to) => to.importDevices(Station, any({ count: 1, csv: 'x' }), { output: () => {} }),
    'invalid_options',
    /"count" is not known here/,
  ],
  ['no claim', (to) => to.claim(any(null)), 'invalid_payload', /request must be an object/],
  ['no login', (to) => to.claimAccounts(any(5)), 'invalid_payload', /request must be an object/],
  ['a page of text', (to) => to.claims.list(any({ limit: '5' })), 'invalid_options', /limit must be/],
  ['a key id with NUL', (to) => to.claims.revoke('a\0'), 'invalid_options', /id must be a text/],
  [
    'a name with a line end',
    (to) => to.claims.create(Station, { name: 'a\nb', maxUses: 1, expiresIn: 60 }),
    'invalid_options',
    /name must be a text/,
  ],
])('%s is refused', async (_, call, code, message) => {
  await expect(call(provisioner)).rejects.toMatchObject({
    name: 'DeviceHubError',
    code,
    message: expect.stringMatching(message),
  })
})
