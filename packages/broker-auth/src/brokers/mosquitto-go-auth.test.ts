import { describe, expect, it } from 'vitest'
import { itDeniesTheTable, type Reply, useWire } from '../testing/wire.js'

const wire = useWire()
const BASE = '/mosquitto-go-auth'

const MODES: Record<string, { base: string; yes: Reply; no: Reply }> = {
  'json and status': {
    base: BASE,
    yes: { status: 200, type: 'application/json', body: '{"ok":true,"error":""}' },
    no: { status: 403, type: 'application/json', body: '{"ok":false,"error":"denied"}' },
  },
  text: {
    base: `${BASE}/text`,
    yes: { status: 200, type: 'text/plain', body: 'ok' },
    no: { status: 403, type: 'text/plain', body: 'denied' },
  },
}

describe.each(Object.entries(MODES))('mosquitto-go-auth with replies as %s', (_mode, { base, yes, no }) => {
  it('decides the login, its parameters as JSON or as a form', async () => {
    const { username, password } = wire().cast.attacker
    const login = { username, password, clientid: username }
    for (const send of [wire().json, wire().form]) {
      expect(await send(`${base}/user`, login)).toEqual(yes)
      expect(await send(`${base}/user`, { ...login, password: 'wrong' })).toEqual(no)
      expect(await send(`${base}/user`, { ...login, clientid: 'another' })).toEqual(no)
    }
  })

  it('makes nobody a superuser', async () => {
    const { username } = wire().cast.attacker
    expect(await wire().json(`${base}/superuser`, { username })).toEqual(no)
    expect(await wire().form(`${base}/superuser`, { username })).toEqual(no)
  })

  it.each([
    [1, 'things/sensor/A1/cmd', true],
    [1, 'things/sensor/A1/data', false],
    [2, 'things/sensor/A1/data', true],
    [2, 'things/sensor/A1/cmd', false],
    [3, 'things/sensor/A1/cmd', false],
    [3, 'things/sensor/A1/data', false],
    [4, 'things/sensor/A1/cmd', true],
    [4, 'things/sensor/A1/#', false],
    [4, '$share/g/things/sensor/A1/cmd', false],
    [0, 'things/sensor/A1/cmd', false],
    [5, 'things/sensor/A1/cmd', false],
    [-1, 'things/sensor/A1/cmd', false],
  ])('answers acc %d of %s: %s', async (acc, topic, allowed) => {
    const { username } = wire().cast.attacker
    const asked = { username, clientid: username, topic }
    // A number in JSON, a text in a form.
    expect(await wire().json(`${base}/acl`, { ...asked, acc })).toEqual(allowed ? yes : no)
    expect(await wire().form(`${base}/acl`, { ...asked, acc: String(acc) })).toEqual(allowed ? yes : no)
  })

  it('denies what it cannot read, in its own form', async () => {
    for (const name of ['user', 'superuser', 'acl']) {
      expect(await wire().post(`${base}/${name}`, '{', { 'content-type': 'application/json' })).toEqual(no)
    }
  })

  it('denies a field that comes twice', async () => {
    const { username, password } = wire().cast.attacker
    const form = new URLSearchParams({ username, password, clientid: username })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    expect(await wire().post(`${base}/user`, form.toString(), headers)).toEqual(yes)
    form.append('clientid', username)
    expect(await wire().post(`${base}/user`, form.toString(), headers)).toEqual(no)
  })

  itDeniesTheTable(() => wire().cast, {
    login: async ({ clientId, ...login }) =>
      isYes(await wire().form(`${base}/user`, { ...login, clientid: clientId })),
    access: async ({ clientId, action, ...asked }) =>
      isYes(
        await wire().json(`${base}/acl`, { ...asked, clientid: clientId, acc: action === 'publish' ? 2 : 4 }),
      ),
  })
})

const isYes = ({ status }: Reply): boolean => status >= 200 && status < 300
