import * as client from 'openid-client'
import { messageOf } from '../common/errors.ts'

/** Errors that say what the guest did, not that something is set up wrongly (RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6). */
const OF_GUESTS = new Set([
  'access_denied',
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
  // Keycloak says so to a browser whose login took too long there.
  'temporarily_unavailable',
])
const MAX_TOLD = 200

/** What an error in the address that the browser came back to says about the configuration; null: nothing. */
export function misconfiguration(query: URLSearchParams): string | null {
  const error = query.get('error') ?? ''
  return error === '' || OF_GUESTS.has(error) ? null : told(error, query.get('error_description'))
}

/** What to log of a failure: texts of the client, codes and texts of the provider, and never what was sent. */
export function reasonOf(error: unknown): string {
  if (error instanceof client.ResponseBodyError) return told(error.error, error.error_description)
  const message = messageOf(error)
  const { cause } = error as { cause?: unknown }
  if (cause instanceof Response) return `${message} (${cause.status})`
  if (cause instanceof Error) return cause.message === message ? message : `${message}: ${cause.message}`
  const { expected, body } = (cause ?? {}) as { expected?: string; body?: { issuer?: unknown } }
  if (expected === undefined || typeof body?.issuer !== 'string') return message
  return told(`the metadata at ${expected} name another issuer`, body.issuer)
}

function told(what: string, more: string | null | undefined): string {
  return (more ? `${what}: ${more}` : what).slice(0, MAX_TOLD)
}
