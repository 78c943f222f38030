import { BlockList, isIP } from 'node:net'
import { DeviceHubError } from '@devicehub/core'
import { type PlainRequest, type PlainResponse, plainProblem, secretEquals } from '@devicehub/http'
import type { CallerOptions } from './options.js'

const MIN_SECRET = 16

/** The response that refuses a caller; null: the caller is authenticated. `inPath` is the secret in the path, if any. */
export type CallerCheck = (
  request: Pick<PlainRequest, 'header' | 'remoteAddress'>,
  inPath: string | null,
) => PlainResponse | null

/** Throws `invalid_options` when every HTTP caller would be refused. Decisions within the process need no secret. */
export function assertCallers({ secret, public: isPublic }: CallerOptions): void {
  if (secret !== undefined || isPublic === true) return
  throw new DeviceHubError(
    'invalid_options',
    'createBrokerAuth: secret is missing, so every call of brokerAuth.fetch would be refused with 401: pass the `secret` that the brokers send (openssl rand -hex 32), or write `public: true` where the broker alone reaches it',
  )
}

/** Checks the secret and the address of callers. `invalid_options` for a secret that is too short. */
export function createCallerCheck(options: CallerOptions): CallerCheck {
  const secrets = typeof options.secret === 'string' ? [options.secret] : (options.secret ?? [])
  if (secrets.some((each) => typeof each !== 'string' || each.length < MIN_SECRET))
    throw new DeviceHubError(
      'invalid_options',
      `secret must have at least ${MIN_SECRET} characters: openssl rand -hex 32`,
    )
  const addresses = options.allow === undefined ? null : addressList(options.allow)
  const isOpen = options.public === true && secrets.length === 0

  return ({ header, remoteAddress }, inPath) => {
    if (addresses !== null && !isListed(addresses, remoteAddress))
      return plainProblem(403, 'address_refused', 'This address may not ask; see the option `allow`')
    if (isOpen || isKnown(inPath ?? secretIn(header))) return null
    return plainProblem(
      401,
      'caller_unknown',
      'The secret that brokers share with this server is missing or wrong',
    )
  }

  function isKnown(given: string | null): boolean {
    if (given === null) return false
    let known = false
    for (const each of secrets) known = secretEquals(given, each) || known
    return known
  }
}

function secretIn(header: PlainRequest['header']): string | null {
  const bearer = /^Bearer (.+)$/i.exec(header('authorization') ?? '')
  return bearer?.[1] ?? header('x-broker-secret')
}

function addressList(allow: readonly string[]): BlockList {
  const addresses = new BlockList()
  for (const each of allow) {
    const [address = '', bits, ...rest] = each.split('/')
    const version = isIP(address)
    const length = bits === undefined ? null : Number(bits)
    const fits = length === null || (/^\d+$/.test(bits as string) && length <= (version === 4 ? 32 : 128))
    if (version === 0 || !fits || rest.length > 0)
      throw new DeviceHubError(
        'invalid_options',
        `allow has ${JSON.stringify(each)}; give addresses such as 10.0.0.7 or ranges such as 10.0.0.0/8`,
      )
    const family = version === 4 ? 'ipv4' : 'ipv6'
    if (length === null) addresses.addAddress(address, family)
    else addresses.addSubnet(address, length, family)
  }
  return addresses
}

function isListed(addresses: BlockList, address: string | undefined): boolean {
  const version = isIP(address ?? '')
  return version !== 0 && addresses.check(address as string, version === 4 ? 'ipv4' : 'ipv6')
}
