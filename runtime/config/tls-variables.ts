import type { CertificateFiles } from '../../common/certificate.ts'
import { listOf, path } from './values.ts'
import { optional, withDefault, type Variable } from './variable.ts'

/** TLS of our own listeners: part of VARIABLES. */
export const TLS_VARIABLES = {
  tlsCert: optional('GATEPOST_TLS_CERT', path, {
    description:
      'File of the certificate (PEM, with its chain) of GATEPOST_TLS_LISTENERS; with GATEPOST_TLS_KEY. Read again when it changes, and on SIGHUP.',
    allowed: 'a path',
    unset: '(unset: no TLS)',
  }),
  tlsKey: optional('GATEPOST_TLS_KEY', path, {
    description: 'File of the key of that certificate (PEM, without a passphrase).',
    allowed: 'a path',
  }),
  tlsListeners: withDefault(
    'GATEPOST_TLS_LISTENERS',
    'bulk,gateway,dashboard',
    listOf('bulk', 'gateway', 'dashboard'),
    {
      description:
        'Listeners that speak TLS, and nothing else, if GATEPOST_TLS_CERT is set. Leave gateway out if gateways are configured without TLS.',
      allowed: 'comma-separated, of bulk, gateway, dashboard',
    },
  ),
} satisfies Record<string, Variable>

export interface TlsValues {
  readonly tlsCert?: string | undefined
  readonly tlsKey?: string | undefined
  readonly tlsListeners: readonly ('bulk' | 'gateway' | 'dashboard')[]
}

/** The certificate of all listeners that speak TLS; null: none does. */
export function certificateFiles({ tlsCert, tlsKey }: TlsValues): CertificateFiles | null {
  return tlsCert === undefined || tlsKey === undefined ? null : { certFile: tlsCert, keyFile: tlsKey }
}

/** The certificate of a listener; null: it speaks no TLS. */
export function certificateOf(config: TlsValues, listener: TlsValues['tlsListeners'][number]): CertificateFiles | null {
  return config.tlsListeners.includes(listener) ? certificateFiles(config) : null
}
