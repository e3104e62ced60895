import type { Config } from '../config/config.ts'
import { oidcOptions } from '../config/portal-options.ts'
import { ok, problem, type Finding } from './finding.ts'

/** The provider of the login method oidc, if there is one. */
export async function checkOidc(config: Config): Promise<Finding[]> {
  const options = oidcOptions(config)
  if (options === null || config.portalUrl === undefined || !config.login.includes('oidc')) return []
  // The client is loaded only where there is a provider.
  const { checkProvider } = await import('../../portal/oidc-check.ts')
  const wrong = await checkProvider(options, config.portalUrl)
  if (wrong !== null) return [problem('openid connect', wrong.found, wrong.advice)]
  return [ok('openid connect', `${options.issuer} knows the client, its secret and its redirect URI`)]
}
