import * as client from 'openid-client'
import { discover, redirectUri, TIMEOUT_SECONDS, type OidcOptions } from './oidc.ts'
import { misconfiguration, reasonOf } from './oidc-errors.ts'

/** What the provider says to this configuration, and what to do. */
export interface OidcProblem {
  readonly found: string
  readonly advice: string
}

/** Asks the provider as a guest's browser does, but for a login without a page; then for the token of a code that does not exist. Null: all is well. */
export async function checkProvider(options: OidcOptions, portalUrl: string): Promise<OidcProblem | null> {
  const uri = redirectUri(portalUrl)
  try {
    const configuration = await discover(options)
    return (await checkRedirect(configuration, options, uri)) ?? (await checkSecret(configuration, uri))
  } catch (error) {
    const found = `${options.issuer}: ${reasonOf(error)}`
    return {
      found,
      advice:
        'check GATEPOST_OIDC_ISSUER, which the metadata have to name letter by letter, the network, and the certificate',
    }
  }
}

async function checkRedirect(
  configuration: client.Configuration,
  { scope }: OidcOptions,
  uri: string,
): Promise<OidcProblem | null> {
  const code_challenge = await client.calculatePKCECodeChallenge(client.randomPKCECodeVerifier())
  const target = client.buildAuthorizationUrl(configuration, {
    redirect_uri: uri,
    scope,
    code_challenge,
    code_challenge_method: 'S256',
    state: client.randomState(),
    prompt: 'none',
  })
  const response = await fetch(target, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000) })
  await response.body?.cancel()
  if (response.status >= 400) {
    const found = `the provider answers the login page's link with ${response.status}`
    return { found, advice: `check GATEPOST_OIDC_CLIENT_ID, and that the client has the redirect URI ${uri}` }
  }
  const location = response.headers.get('location') ?? ''
  const wrong = location.startsWith(`${uri}?`) ? misconfiguration(new URL(location).searchParams) : null
  if (wrong === null) return null
  return {
    found: `the provider refuses logins: ${wrong}`,
    advice: "check GATEPOST_OIDC_SCOPE and the client's settings",
  }
}

async function checkSecret(configuration: client.Configuration, uri: string): Promise<OidcProblem | null> {
  const address = new URL(uri)
  address.search = 'code=a-code-that-does-not-exist'
  // The provider's answer to a code names itself in some cases; here nobody answered.
  const issuer = configuration.serverMetadata()
  if (issuer.authorization_response_iss_parameter_supported === true) address.searchParams.set('iss', issuer.issuer)
  try {
    await client.authorizationCodeGrant(configuration, address, { pkceCodeVerifier: client.randomPKCECodeVerifier() })
  } catch (error) {
    if (error instanceof client.ResponseBodyError && error.error === 'invalid_grant') return null
    const found = `the provider refuses the client: ${reasonOf(error)}`
    return { found, advice: 'check GATEPOST_OIDC_CLIENT_ID and GATEPOST_OIDC_CLIENT_SECRET' }
  }
  return null
}
