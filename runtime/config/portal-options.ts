import type { PortalOptions } from '../../portal/open.ts'
import type { Config } from './config.ts'
import { readLooks } from './looks.ts'
import { readLimits } from './policies.ts'

/** The portal's options; null: another system has the portal and issues the tokens. */
export function portalOptions(config: Config): PortalOptions | null {
  if (config.authMode !== 'signed') return null
  const { loginWebhookUrl, loginWebhookSecret, loginWebhookTimeoutMs, smtpUrl, smtpFrom, smtpMailsPerHour } = config
  const perHour = smtpMailsPerHour / config.workers
  return {
    methods: config.login,
    directory: config.portalDir ?? null,
    termsVersion: config.termsVersion,
    useWithinMs: config.tokenUseWithinMs,
    sessionMaxMs: config.sessionMaxMs,
    validationTimeMs: config.validationTimeMs,
    roaming: config.roaming === 'on',
    landingUrl: config.landingUrl ?? null,
    portalUrl: config.portalUrl ?? null,
    rememberDeviceMs: config.rememberDeviceMs ?? null,
    rememberedLogin: config.rememberedLogin,
    looks: readLooks(config.portalLooks, config.login),
    limits: readLimits(config.policies),
    oidc: oidcOptions(config),
    codeWebhook: codeWebhook(config),
    webhook:
      loginWebhookUrl === undefined || loginWebhookSecret === undefined
        ? null
        : { url: loginWebhookUrl, secret: loginWebhookSecret, timeoutMs: loginWebhookTimeoutMs },
    mail: smtpUrl === undefined || smtpFrom === undefined ? null : { url: smtpUrl, from: smtpFrom, perHour },
  }
}

/** Null: not configured. */
export function oidcOptions(config: Config): PortalOptions['oidc'] {
  const { oidcIssuer: issuer, oidcClientId: clientId, oidcClientSecret: clientSecret, oidcName } = config
  if (issuer === undefined || clientId === undefined || clientSecret === undefined) return null
  const { oidcClaim: claim, oidcScope: scope } = config
  return { issuer, clientId, clientSecret, name: oidcName ?? new URL(issuer).hostname, claim, scope }
}

function codeWebhook(config: Config): PortalOptions['codeWebhook'] {
  const { codeWebhookUrl: url, codeWebhookSecret: secret, loginWebhookTimeoutMs: timeoutMs } = config
  return url === undefined || secret === undefined ? null : { url, secret, timeoutMs }
}
