import type { AccessRequest } from '../decision.js'
import { type Attempt, type Cast, topicsOf } from './cast.js'

/** What the attacker asks for as itself, in its own session. */
const as = (
  action: AccessRequest['action'],
  name: string,
  topic: (cast: Cast) => string,
): Attempt<AccessRequest> => ({
  name: `${action} ${name}`,
  request: (cast) => ({
    username: cast.attacker.username,
    clientId: cast.attacker.username,
    action,
    topic: topic(cast),
  }),
})

const both = (name: string, topic: (cast: Cast) => string) => [
  as('subscribe', name, topic),
  as('publish', name, topic),
]

const own = ({ attacker }: Cast) => topicsOf(attacker)
const foreign = ({ victim }: Cast) => topicsOf(victim)

const LITERAL = [
  ...[
    '',
    '/',
    '//',
    '///',
    '#',
    '+',
    '*',
    '**',
    '+/+',
    '+/+/+/+',
    '+/#',
    '/#',
    '#/',
    '#/cmd',
    '##',
    '+#',
    '++',
  ],
  ...['things', 'things/', 'things/#', 'things/+', 'things/+/+/cmd', 'things/+/+/+', 'things/*/*/cmd'],
  ...[
    'things/sensor/#',
    'things/sensor/+/cmd',
    'things/sensor/+/+',
    'things/sensor/*/cmd',
    'things/sensor//cmd',
  ],
  ...['things/sensor/A+/cmd', 'things/sensor/A#', 'things/sensor/A1*/cmd', 'things/sensor/A1/cmd#'],
  ...[
    'things/sensor/../sensor/A2/cmd',
    'things/./sensor/A2/cmd',
    'things%2Fsensor%2FA2%2Fcmd',
    'things\\sensor\\A2\\cmd',
  ],
  ...['$share/g/#', '$share/g/+/+/+/+', '$share/g/things/sensor/A1/cmd', '$share/g/things/sensor/A2/cmd'],
  ...[
    '$share',
    '$share/',
    '$share//',
    '$share//x',
    '$share/g',
    '$share/g/',
    '$share/+/x',
    '$share/#',
    '$share/g/$share/g/#',
  ],
  ...[
    '$SHARE/g/things/sensor/A2/cmd',
    '$queue',
    '$queue/',
    '$queue/#',
    '$queue/things/sensor/A1/cmd',
    '$q/#',
  ],
  ...['$exclusive/#', '$exclusive/things/sensor/A1/cmd', '$delayed/1/things/sensor/A2/cmd', '$aws/things/#'],
  ...[
    '$',
    '$/',
    '$SYS',
    '$SYS/#',
    '$SYS/broker/clients/#',
    '$SYS/+/clients',
    '$CONTROL',
    '$CONTROL/#',
    '$CONTROL/dynamic-security/v1',
  ],
  ...['\u0024{clientid}', '%u', '%c/#', 'things/sensor/%c/../A2/cmd', 'eq things/sensor/A2/cmd'],
]

/** Every one of these has to be denied. */
export const ADVERSARIAL_ACCESS: readonly Attempt<AccessRequest>[] = [
  ...LITERAL.flatMap((topic) => both(JSON.stringify(topic), () => topic)),

  as('subscribe', 'what it publishes', (cast) => own(cast).data),
  as('subscribe', 'its status', (cast) => own(cast).status),
  as('publish', 'a command to itself', (cast) => own(cast).cmd),
  as('publish', 'desired state of itself', (cast) => own(cast).desired),
  ...both('its own device, all channels', (cast) => own(cast).cmd.replace(/cmd$/, '#')),
  ...both('its own device, any channel', (cast) => own(cast).cmd.replace(/cmd$/, '+')),
  ...both('its own device, no channel', (cast) => own(cast).cmd.replace(/\/cmd$/, '')),
  ...both('below its own topic', (cast) => `${own(cast).cmd}/x`),
  ...both('everything below its own topic', (cast) => `${own(cast).cmd}/#`),
  ...both('behind its own topic, an empty level', (cast) => `${own(cast).data}/`),
  ...both('before its own topic, an empty level', (cast) => `/${own(cast).data}`),
  ...both('within its own topic, an empty level', (cast) => own(cast).data.replace('/', '//')),
  ...both('its own topic for a wildcarded prefix', (cast) => own(cast).cmd.replace(/^[^/]+/, '+')),
  ...both('an unknown channel', (cast) => own(cast).cmd.replace(/cmd$/, 'firmware')),

  ...(['data', 'status', 'response', 'state', 'cmd', 'desired'] as const).flatMap((channel) => [
    ...both(`the ${channel} of another device`, (cast) => foreign(cast)[channel]),
    ...both(`the ${channel} of its own id in another type`, ({ twin }) => topicsOf(twin)[channel]),
    ...both(`the ${channel} of a device that is inactive`, ({ inactive }) => topicsOf(inactive)[channel]),
  ]),
  as('publish', 'a will as the status of another device', (cast) => foreign(cast).status),
  ...both('an id that begins with its own', (cast) => own(cast).cmd.replace('A1', 'A11')),
  ...both('an id that its own begins with', (cast) => own(cast).cmd.replace('A1', 'A')),
  ...both('two topics at once, joined by a comma', (cast) => `${own(cast).cmd},${foreign(cast).cmd}`),
  ...both('the topic of another device with dots', (cast) => foreign(cast).cmd.replaceAll('/', '.')),

  ...both('its own id in upper and lower case', (cast) => own(cast).cmd.replace('A1', 'a1')),
  ...both('its own topic, in capitals', (cast) => own(cast).cmd.toUpperCase()),
  ...both('its own id with a Cyrillic letter', (cast) => own(cast).cmd.replace('A1', '\u04101')),
  ...both('its own id with a fullwidth digit', (cast) => own(cast).cmd.replace('A1', 'A\uff11')),
  ...both('its own topic with a combining mark', (cast) => own(cast).cmd.replace('A1', 'A\u03011')),
  ...both('its own topic with a zero-width space', (cast) => `${own(cast).cmd}\u200b`),
  ...both('its own topic with a byte order mark', (cast) => `\ufeff${own(cast).cmd}`),
  ...both('its own topic with a right-to-left override', (cast) => `\u202e${own(cast).cmd}`),
  ...both('its own topic with a space behind', (cast) => `${own(cast).cmd} `),
  ...both('fullwidth slashes', (cast) => own(cast).cmd.replaceAll('/', '\uff0f')),
  ...both('a fullwidth number sign', () => 'things/\uff03'),
  ...both('a fullwidth plus sign', () => 'things/sensor/\uff0b/cmd'),

  ...both('NUL', () => '\0'),
  ...both('its own topic, NUL, another', (cast) => `${own(cast).cmd}\0${foreign(cast).cmd}`),
  ...both('its own topic, NUL', (cast) => `${own(cast).data}\0`),
  ...both('its own topic, a line end', (cast) => `${own(cast).data}\n`),
  ...both('its own topic, a line end, another', (cast) => `${own(cast).cmd}\r\n${foreign(cast).cmd}`),
  ...both('its own topic, DEL', (cast) => `${own(cast).data}\x7f`),
  ...both('half a surrogate pair', (cast) => `${own(cast).data}\ud800`),
  ...both('64 kB behind its own topic', (cast) => `${own(cast).data}/${'a'.repeat(65_000)}`),
  ...both('64 kB of levels', () => '/'.repeat(65_535)),
  ...both('64 kB of wildcards', () => '+/'.repeat(32_000)),
  ...both('a topic that is too long for MQTT', (cast) => own(cast).data + 'a'.repeat(70_000)),

  ...whoElse('under the name of another device', ({ attacker, victim }) => ({
    username: victim.username,
    clientId: attacker.username,
  })),
  ...whoElse('with the client id of another device', ({ attacker, victim }) => ({
    username: attacker.username,
    clientId: victim.username,
  })),
  ...whoElse('with its device id as the client id', ({ attacker }) => ({
    username: attacker.username,
    clientId: attacker.deviceId,
  })),
  ...whoElse('with a client id in capitals', ({ attacker }) => ({
    username: attacker.username,
    clientId: attacker.username.toUpperCase(),
  })),
  ...whoElse('with a client id of the broker', ({ attacker }) => ({
    username: attacker.username,
    clientId: `$${attacker.username}`,
  })),
  ...whoElse('with NUL behind the client id', ({ attacker }) => ({
    username: attacker.username,
    clientId: `${attacker.username}\0`,
  })),
  ...whoElse('with NUL behind the user name', ({ attacker }) => ({
    username: `${attacker.username}\0`,
    clientId: attacker.username,
  })),
  ...whoElse('with a space behind the user name', ({ attacker }) => ({
    username: `${attacker.username} `,
    clientId: `${attacker.username} `,
  })),
  ...whoElse('with the user name in capitals', ({ attacker }) => ({
    username: attacker.username.toUpperCase(),
    clientId: attacker.username.toUpperCase(),
  })),
  ...whoElse('without a user name', ({ attacker }) => ({ username: '', clientId: attacker.username })),
  ...whoElse('with a user name that every object has', () => ({
    username: '__proto__',
    clientId: '__proto__',
  })),
  ...whoElse('with a user name of 64 kB', () => ({ username: 'a'.repeat(65_535), clientId: 'a' })),
  ...whoElse('as a device that is inactive', ({ inactive }) => ({
    username: inactive.username,
    clientId: inactive.username,
    topic: topicsOf(inactive).data,
  })),
  ...whoElse('as a device that was revoked', ({ revoked }) => ({
    username: revoked.username,
    clientId: revoked.username,
    topic: topicsOf(revoked).data,
  })),
]

/** A topic that is fine, asked for by somebody who is not. */
function whoElse(
  name: string,
  who: (cast: Cast) => { username: string; clientId: string; topic?: string },
): Attempt<AccessRequest>[] {
  return [
    {
      name: `publish its own topic ${name}`,
      request: (cast) => ({ action: 'publish', topic: own(cast).data, ...who(cast) }),
    },
  ]
}
