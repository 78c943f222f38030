import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requireProgram } from './find-program.js'
import { runCommand } from './run-command.js'

/** PEM texts. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Certificates {
  readonly ca: Certificate
  /** For `localhost` and `127.0.0.1`. */
  readonly server: Certificate
  /** Common name `client`. */
  readonly client: Certificate
  /** One more client certificate of the same authority, with this common name. */
  issue(commonName: string, options?: { readonly days?: number }): Promise<Certificate>
}

/** A private certificate authority with a server and a client certificate, for TLS and mutual TLS. */
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
