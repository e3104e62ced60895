import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import * as client from 'openid-client'
import type { Logger } from '../common/logger.ts'
import { misconfiguration, reasonOf } from './oidc-errors.ts'
import type { Redirect } from './request.ts'

/*
 * Login method `oidc`: an OpenID Connect provider says who somebody is (authorization code flow with PKCE). What the login page knew travels in
 * the parameter `state`, encrypted with a key of the installation, so that no worker has to remember anything and the provider does not learn
 * the device. The verifier of PKCE and the nonce are derived from it.
 *
 *  state = base64url(iv 12 | tag 16 | AES-256-GCM(JSON))
 */

export interface OidcOptions {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** What the button calls the provider. */
  readonly name: string
  /** The claim that is the account's name. */
  readonly claim: string
  readonly scope: string
}

/** What the login page knew. */
export interface OidcVisit {
  readonly redirect: Redirect
  /** The nonce of the browser's cookie; empty: it keeps none. */
  readonly browser: string
  readonly remoteIp: string
}

/** Null: the provider does not answer. */
export type OidcOutcome = { readonly account: string } | 'refused' | 'down'

/** How long somebody may take at the provider. */
const VISIT_MS = 10 * 60_000
/** For each answer of the provider. */
export const TIMEOUT_SECONDS = 8
/** After a failure, the provider's metadata is asked for again this much later. */
const RETRY_MS = 5000
/** Logins that the provider is asked about at a time. */
const MAX_RUNNING = 32
const MAX_STATE = 2000
/** A longer url would make a state that providers refuse. */
const MAX_URL = 400
const MAX_ACCOUNT = 254

/** The provider's metadata. @throws if they cannot be read, or are another issuer's */
export function discover({ issuer, clientId, clientSecret }: OidcOptions): Promise<client.Configuration> {
  const server = new URL(issuer)
  // The configuration allows http for loopback addresses only.
  const execute = server.protocol === 'http:' ? [client.allowInsecureRequests] : []
  return client.discovery(server, clientId, clientSecret, undefined, { execute, timeout: TIMEOUT_SECONDS })
}

/** Where the provider sends browsers back to. @param portalUrl where browsers reach the portal */
export function redirectUri(portalUrl: string): string {
  return `${portalUrl.replace(/\/+$/, '')}/login/`
}

export class OidcLogin {
  readonly #options: OidcOptions
  readonly #redirectUri: string
  readonly #key: Buffer
  readonly #logger: Logger
  #configuration: Promise<client.Configuration> | null = null
  #failedAt = -Infinity
  #running = 0

  /** @param portalUrl where browsers reach the portal */
  constructor(options: OidcOptions, portalUrl: string, secret: string, logger: Logger) {
    this.#options = options
    this.#redirectUri = redirectUri(portalUrl)
    this.#key = createHmac('sha256', secret).update('gatepost: key of OpenID Connect').digest()
    this.#logger = logger
  }

  get name(): string {
    return this.#options.name
  }

  /** Where the browser logs in; null: the provider does not answer. */
  async start({ redirect, browser, remoteIp }: OidcVisit, language: string, now: number): Promise<string | null> {
    const configuration = await this.#configured(now)
    if (configuration === null) return null
    const url = redirect.url.length > MAX_URL ? '' : redirect.url
    const state = this.#seal(JSON.stringify([now, { ...redirect, url }, browser, remoteIp]))
    const target = client.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#redirectUri,
      scope: this.#options.scope,
      state,
      nonce: this.#derived('nonce', state),
      code_challenge: await client.calculatePKCECodeChallenge(this.#derived('verifier', state)),
      code_challenge_method: 'S256',
      ui_locales: language,
    })
    return target.href
  }

  /** What the login page knew; null: this is no state of ours, or it is too old. */
  visit(state: string, now: number): OidcVisit | null {
    const text = state.length > MAX_STATE ? null : this.#open(state)
    if (text === null) return null
    const [at, redirect, browser, remoteIp] = JSON.parse(text) as [number, Redirect, string, string]
    return Math.abs(now - at) > VISIT_MS ? null : { redirect, browser, remoteIp }
  }

  /** Asks the provider who came back. @param query of the address that the browser came back to */
  async finish(query: URLSearchParams, now: number): Promise<OidcOutcome> {
    if (!query.has('code')) {
      const wrong = misconfiguration(query)
      if (wrong !== null) this.#rejected(wrong)
      return 'refused'
    }
    const configuration = await this.#configured(now)
    if (configuration === null || this.#running >= MAX_RUNNING) return 'down'
    this.#running++
    try {
      return this.#accountOf(await this.#claims(configuration, query))
    } catch (error) {
      // A code that was used or invented; the provider's other errors are outages.
      if (error instanceof client.ResponseBodyError && error.error === 'invalid_grant') return 'refused'
      if (error instanceof client.AuthorizationResponseError) return 'refused'
      if (error instanceof client.ClientError && error.code === 'OAUTH_INVALID_RESPONSE') {
        this.#rejected(reasonOf(error))
        return 'refused'
      }
      // The provider may have other addresses by now; and while it is down, the login page should say so.
      this.#configuration = null
      this.#logger.error(
        { event: 'portal.oidc_failed', error: reasonOf(error) },
        'portal: the OpenID Connect provider gave no valid answer; the login was refused. gatepost doctor checks the configuration',
      )
      return 'down'
    } finally {
      this.#running--
    }
  }

  /** A guest can write such an address; so it counts as an attempt, and is no error of the log. */
  #rejected(error: string): void {
    this.#logger.warn(
      { event: 'portal.oidc_rejected', error },
      'portal: a browser came back from the OpenID Connect provider without a login. If this repeats, gatepost doctor checks the configuration',
    )
  }

  async #claims(configuration: client.Configuration, query: URLSearchParams): Promise<Record<string, unknown>> {
    const state = query.get('state') ?? ''
    const address = new URL(this.#redirectUri)
    address.search = query.toString()
    const tokens = await client.authorizationCodeGrant(configuration, address, {
      expectedState: state,
      expectedNonce: this.#derived('nonce', state),
      pkceCodeVerifier: this.#derived('verifier', state),
      idTokenExpected: true,
    })
    const claims = tokens.claims() as Record<string, unknown> & { sub: string }
    if (claims[this.#options.claim] !== undefined) return claims
    // Many providers put nothing but the subject into the token.
    return { ...(await client.fetchUserInfo(configuration, tokens.access_token, claims.sub)) }
  }

  /** An address that the provider has not verified could be anybody's. */
  #accountOf(claims: Record<string, unknown>): OidcOutcome {
    const { claim } = this.#options
    const value = claims[claim]
    const isMissing = typeof value !== 'string' || value.trim() === '' || value.length > MAX_ACCOUNT
    if (isMissing || (claim === 'email' && claims['email_verified'] !== true)) {
      this.#logger.warn(
        { event: 'portal.oidc_claim_missing', claim },
        isMissing
          ? 'portal: the OpenID Connect provider did not send the claim of GATEPOST_OIDC_CLAIM; the login was refused'
          : 'portal: the OpenID Connect provider has not verified the e-mail address; the login was refused',
      )
      return 'refused'
    }
    return { account: claim === 'email' ? value.trim().toLowerCase() : value.trim() }
  }

  /** The provider's metadata, which is kept. */
  async #configured(now: number): Promise<client.Configuration | null> {
    if (this.#configuration === null) {
      if (now - this.#failedAt < RETRY_MS) return null
      this.#configuration = discover(this.#options)
    }
    try {
      return await this.#configuration
    } catch (error) {
      if (this.#failedAt < now) {
        this.#logger.error(
          { event: 'portal.oidc_metadata_failed', error: reasonOf(error) },
          'portal: the metadata of the OpenID Connect provider cannot be read; logins with it are refused',
        )
      }
      this.#failedAt = now
      this.#configuration = null
      return null
    }
  }

  #seal(text: string): string {
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv)
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')
  }

  #open(state: string): string | null {
    const bytes = Buffer.from(state, 'base64url')
    if (bytes.length <= 28) return null
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, 12), { authTagLength: 16 })
    decipher.setAuthTag(bytes.subarray(12, 28))
    try {
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
    } catch {
      return null
    }
  }

  #derived(purpose: string, state: string): string {
    return createHmac('sha256', this.#key).update(`${purpose} ${state}`).digest('base64url')
  }
}
