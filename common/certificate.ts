import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { GatepostError, messageOf } from './errors.ts'
import type { Logger } from './logger.ts'
import type { PlainMetrics } from './metrics.ts'

/** Files of a certificate, with the chain up to the authority, and of its key, both PEM. Plain data, so that it can be sent to another process. */
export interface CertificateFiles {
  readonly certFile: string
  readonly keyFile: string
}

interface Content {
  readonly cert: Buffer
  readonly key: Buffer
  /** ms since the epoch. */
  readonly expires: number
}

/** Files are looked at this often: notifications of the file system miss links that are changed and files of another machine. */
const LOOK_MS = 2000

/**
 * A certificate that is read again when its files change, or when it is told to. Files that do not fit together, as while they are being
 * replaced one after the other, change nothing: the certificate from before stays in use.
 */
export class Certificate {
  readonly files: CertificateFiles
  readonly #logger: Logger
  readonly #timer: NodeJS.Timeout
  #content: Content
  #seen: string
  #use: () => void = () => {}
  /** Changes that could not be used. */
  failures = 0

  /** @throws GatepostError CONFIG_INVALID */
  constructor(files: CertificateFiles, logger: Logger) {
    this.files = files
    this.#logger = logger
    this.#seen = stateOf(files)
    this.#content = readCertificate(files)
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref()
  }

  get pem(): { readonly cert: Buffer; readonly key: Buffer } {
    const { cert, key } = this.#content
    return { cert, key }
  }

  /** @param use is called after every change; if it throws, the change could not be used */
  whenChanged(use: () => void): void {
    this.#use = use
  }

  /** Reads the files again if they have changed. */
  look(): void {
    const { certFile } = this.files
    const state = stateOf(this.files)
    if (state === this.#seen) return
    this.#seen = state
    try {
      this.#content = readCertificate(this.files)
      this.#use()
    } catch (error) {
      this.failures++
      this.#logger.error(
        { event: 'tls.certificate_unusable', err: error },
        `tls: the changed certificate cannot be used: ${messageOf(error)}. The one from before stays in use; correct the files`,
      )
      return
    }
    const expires = new Date(this.#content.expires).toISOString()
    this.#logger.info(
      { event: 'tls.certificate_changed', certFile, expires },
      `tls: the certificate was changed; the new one expires ${expires}`,
    )
  }

  close(): void {
    clearInterval(this.#timer)
  }

  addMetrics(metrics: PlainMetrics): void {
    metrics.add(
      'gauge',
      'gatepost_tls_certificate_expires_timestamp_seconds',
      'When the TLS certificate in use expires, in seconds since the epoch',
      () => [{ value: Math.floor(this.#content.expires / 1000) }],
      'max',
    )
    metrics.add(
      'counter',
      'gatepost_tls_reload_failures_total',
      'Changed TLS certificates that could not be used',
      () => [{ value: this.failures }],
    )
  }
}

/** @throws GatepostError CONFIG_INVALID: a file cannot be read, is not PEM, or the key is another certificate's */
export function readCertificate({ certFile, keyFile }: CertificateFiles): Content {
  const cert = content('GATEPOST_TLS_CERT', certFile)
  const key = content('GATEPOST_TLS_KEY', keyFile)
  const certificate = parsed('GATEPOST_TLS_CERT', certFile, () => new X509Certificate(cert))
  const privateKey = parsed('GATEPOST_TLS_KEY', keyFile, () => createPrivateKey(key))
  if (!certificate.checkPrivateKey(privateKey))
    throw invalid(`GATEPOST_TLS_KEY=${keyFile}: is not the key of the certificate in ${certFile}`)
  return { cert, key, expires: Date.parse(certificate.validTo) }
}

function content(variable: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw invalid(`${variable}=${path}: cannot be read: ${messageOf(error)}`, error)
  }
}

function parsed<T>(variable: string, path: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw invalid(`${variable}=${path}: allowed is a file in PEM format: ${messageOf(error)}`, error)
  }
}

function invalid(message: string, cause?: unknown): GatepostError {
  return new GatepostError('CONFIG_INVALID', message, cause)
}

/** Changes whenever a file is replaced or written. */
function stateOf({ certFile, keyFile }: CertificateFiles): string {
  return [certFile, keyFile]
    .map((path) => {
      const found = statSync(path, { throwIfNoEntry: false })
      return found === undefined ? '-' : `${found.dev}:${found.ino}:${found.size}:${found.mtimeMs}`
    })
    .join(' ')
}
