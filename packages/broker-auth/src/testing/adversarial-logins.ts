import type { LoginRequest } from '../decision.js'
import type { Attempt, Cast } from './cast.js'

const login = (
  name: string,
  request: (cast: Cast) => { username: string; password: string; clientId?: string | undefined },
): Attempt<LoginRequest> => ({
  name,
  request: (cast) => {
    const given = request(cast)
    return { clientId: given.username, ...given }
  },
})

/** Every one of these has to be denied. */
export const ADVERSARIAL_LOGINS: readonly Attempt<LoginRequest>[] = [
  login('an empty password', ({ attacker: { username } }) => ({ username, password: '' })),
  login('a wrong password', ({ attacker: { username } }) => ({ username, password: 'not-the-password' })),
  login('a password in another case', ({ attacker: { username, password } }) => ({
    username,
    password: password.toUpperCase(),
  })),
  login('a password with a line end', ({ attacker: { username, password } }) => ({
    username,
    password: `${password}\n`,
  })),
  login('a password and NUL', ({ attacker: { username, password } }) => ({
    username,
    password: `${password}\0`,
  })),
  login('the beginning of the password', ({ attacker: { username, password } }) => ({
    username,
    password: password.slice(0, -1),
  })),
  login('a password of 64 kB', ({ attacker: { username } }) => ({ username, password: 'a'.repeat(65_535) })),
  login('the password of another device', ({ attacker, victim }) => ({
    username: victim.username,
    password: attacker.password,
  })),
  login('the password of its own id in another type', ({ attacker, twin }) => ({
    username: attacker.username,
    password: twin.password,
  })),
  login('the client id of another device', ({ attacker, victim }) => ({
    ...attacker,
    clientId: victim.username,
  })),
  login('the device id as the client id', ({ attacker }) => ({ ...attacker, clientId: attacker.deviceId })),
  login('a client id in another case', ({ attacker }) => ({
    ...attacker,
    clientId: attacker.username.toUpperCase(),
  })),
  login('a client id with NUL', ({ attacker }) => ({ ...attacker, clientId: `${attacker.username}\0` })),
  login('a client id that begins with $', ({ attacker }) => ({ ...attacker, clientId: '$SYS' })),
  login('no user name', ({ attacker: { password } }) => ({ username: '', password })),
  login('an unknown user name', ({ attacker: { password } }) => ({ username: 'sensor-B1', password })),
  login('a user name in another case', ({ attacker: { username, password } }) => ({
    username: username.toUpperCase(),
    password,
  })),
  login('a user name with a Cyrillic letter', ({ attacker: { username, password } }) => ({
    username: username.replace('A', '\u0410'),
    password,
  })),
  login('a user name with a space', ({ attacker: { username, password } }) => ({
    username: `${username} `,
    password,
  })),
  login('a user name with NUL', ({ attacker: { username, password } }) => ({
    username: `${username}\0`,
    password,
  })),
  login('a user name of 64 kB', ({ attacker: { password } }) => ({ username: 'a'.repeat(65_535), password })),
  login('a user name that every object has', ({ attacker: { password } }) => ({
    username: '__proto__',
    password,
  })),
  login('a device that is inactive', ({ inactive }) => ({ ...inactive })),
  login('a device that was revoked', ({ revoked }) => ({ ...revoked })),
]
