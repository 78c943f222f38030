import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requireProgram } from './find-program.js'
import { runCommand } from './run-command.js'

/** A certificate with its private key. */
export interface Certificate {
  /** The certificate as PEM text. */
  readonly cert: string
  /** The private key as PEM text. */
  readonly key: string
}

/** A certificate authority and what it has signed. Valid for 30 days. */
export interface Certificates {
  /** The authority's own certificate: what a client trusts. */
  readonly ca: Certificate
  /** A server certificate for `localhost` and `127.0.0.1`. */
  readonly server: Certificate
  /** A client certificate with the common name `client`. */
  readonly client: Certificate
  /** Signs one more client certificate with this common name. `days`: how long it is valid, default 30. */
  issue(commonName: string, options?: { readonly days?: number }): Promise<Certificate>
}

/**
 * Creates a certificate authority with a server and a client certificate, for TLS and mutual TLS.
 * `missing_dependency` when `openssl` is not installed.
 *
 * @example
 * import { createCertificates, startMosquitto } from '@devicehub/test-kit'
 *
 * const certificates = await createCertificates()
 * await using broker = await startMosquitto({ tls: { certificates, requireCertificate: true } })
 * const { cert, key } = await certificates.issue('station-7')
 */
export async function createCertificates(): Promise<Certificates> {
  const openssl = requireProgram('openssl', 'openssl')
  const ca = await inFolder(async (folder) => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key']
    const extensions = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign']
    const args = [
      'req',
      '-x509',
      ...key,
      '-days',
      '30',
      '-subj',
      '/CN=Test authority',
      ...extensions,
      '-out',
      'cert',
    ]
    await runCommand(openssl, args, { cwd: folder })
    return { cert: read(folder, 'cert'), key: read(folder, 'key') }
  })

  const sign = (commonName: string, extensions: string, days = 30): Promise<Certificate> =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'ca'), ca.cert)
      writeFileSync(join(folder, 'ca-key'), ca.key, { mode: 0o600 })
      writeFileSync(join(folder, 'extensions'), extensions)
      const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key']
      const subject = `/CN=${commonName.replace(/[\\/+]/g, '\\$&')}`
      await runCommand(openssl, ['req', '-new', ...key, '-subj', subject, '-out', 'request'], { cwd: folder })
      const authority = ['-CA', 'ca', '-CAkey', 'ca-key', '-CAcreateserial', '-extfile', 'extensions']
      const args = ['x509', '-req', '-in', 'request', ...authority, '-days', String(days), '-out', 'cert']
      await runCommand(openssl, args, { cwd: folder })
      return { cert: read(folder, 'cert'), key: read(folder, 'key') }
    })

  const issue = (commonName: string, options: { readonly days?: number } = {}) =>
    sign(commonName, 'extendedKeyUsage=clientAuth\n', options.days)
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n'
  const [server, client] = await Promise.all([sign('localhost', names), issue('client')])
  return { ca, server, client, issue }
}

const read = (folder: string, name: string) => readFileSync(join(folder, name), 'utf8')

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'devicehub-certificates-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
