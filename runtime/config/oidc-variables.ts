import { isLoopback } from '../../common/ip-address.ts'
import { parsed, secretText, shortText } from './values.ts'
import { optional, withDefault } from './variable.ts'

/** The code of a login passes through the browser, and the client's secret to the provider: never in the clear, but for tests on one machine. */
const issuer = parsed((text) => {
  if (!URL.canParse(text)) return undefined
  const { protocol, hostname, search, hash } = new URL(text)
  const isSafe = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
  return isSafe && search === '' && hash === '' ? text : undefined
})

/** Identifiers of some providers have more than 64 characters. */
const text = parsed((written) => (written.length <= 256 ? written || undefined : undefined))
const scope = parsed((written) => (written.length <= 256 && /(^| )openid( |$)/.test(written) ? written : undefined))
const TEXT = 'a text of at most 256 characters'

/** The portal's login method oidc. */
export const OIDC_VARIABLES = {
  oidcIssuer: optional('GATEPOST_OIDC_ISSUER', issuer, {
    description: 'OpenID Connect provider of the login method oidc, such as https://accounts.google.com.',
    allowed: 'a URL with https, or with http and a loopback address',
  }),
  oidcClientId: optional('GATEPOST_OIDC_CLIENT_ID', text, {
    description: 'The client that the provider knows Gatepost as.',
    allowed: TEXT,
  }),
  oidcClientSecret: optional('GATEPOST_OIDC_CLIENT_SECRET', secretText(8), {
    description: "The client's secret.",
    allowed: 'at least 8 characters',
    secret: 'whole',
  }),
  oidcName: optional('GATEPOST_OIDC_NAME', shortText, {
    description: 'What the login page calls the provider.',
    allowed: 'a text of at most 64 characters',
    unset: "(unset: the issuer's host)",
  }),
  oidcClaim: withDefault('GATEPOST_OIDC_CLAIM', 'email', shortText, {
    description:
      "The claim that becomes the account's name. With email, the provider must have verified the address (email_verified).",
    allowed: 'a text of at most 64 characters',
  }),
  oidcScope: withDefault('GATEPOST_OIDC_SCOPE', 'openid email', scope, {
    description: 'Scopes that the provider is asked for.',
    allowed: `${TEXT}, with openid`,
  }),
}
