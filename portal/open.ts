import { GatepostError } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import type { Limit } from '../access/limits.ts'
import type { AccessLog } from '../access/log.ts'
import { registeredGateway } from '../access/registration.ts'
import { OnlineClients } from '../access/online.ts'
import { Places } from '../access/places.ts'
import { GatewayRegistry } from '../access/registry.ts'
import { Tokens } from '../access/token.ts'
import { GatewaySources } from '../access/gateway-sources.ts'
import type { GatewayReports } from '../ingest/gateway-reports.ts'
import type { Records } from '../ingest/records.ts'
import { Accounts } from './account.ts'
import { SubjectData } from '../access/subject-data.ts'
import { CaptiveApi } from './capport.ts'
import { clickThrough } from './click.ts'
import { ConfirmPage } from './confirm-page.ts'
import { SignUps } from './confirmation.ts'
import { PortalCookies } from './cookie.ts'
import { IssuedSessions } from './issue.ts'
import { KnownSessions } from './known.ts'
import { LimitCounts, originOf as originAt } from './limits.ts'
import { LoginLimits } from './login-limits.ts'
import { LoginPage } from './login.ts'
import { Looks, type Look } from './look.ts'
import { MailLimits } from './mail-limits.ts'
import { Mailer } from './mail.ts'
import { MessagePage } from './message.ts'
import { refused, type LoginMethod, type LoginMethodName } from './method.ts'
import { OidcLogin, type OidcOptions } from './oidc.ts'
import { CodeLogin } from './one-time-code.ts'
import type { ServiceOptions } from './operator-service.ts'
import { Passwords, type HashCost } from './password.ts'
import { Portal } from './portal.ts'
import { REMEMBERED, RememberedDevices, type RememberedLogin } from './remembered.ts'
import { Roaming } from './roaming.ts'
import type { Sessions } from './sessions.ts'
import { VoucherLogin } from './voucher.ts'
import { WebhookLogin } from './webhook.ts'
import { WelcomePage } from './welcome.ts'

/** A form of this method is none of ours: the browser follows a link instead. */
const BY_BROWSER: LoginMethod = { login: () => Promise.resolve(refused('error.oidc')) }

/** Options of the portal. Plain data, so that they can be sent to another process. */
export interface PortalOptions {
  readonly methods: readonly LoginMethodName[]
  /** The operator's directory of templates and texts; null: none. */
  readonly directory: string | null
  readonly termsVersion: string
  /** How the portal looks at some gateways. */
  readonly looks: readonly Look[]
  /** Time within which a token must be used, ms. */
  readonly useWithinMs: number
  readonly sessionMaxMs: number
  readonly validationTimeMs: number
  /** Whether sessions follow their device to other gateways (wifidog-ng 2, `stage=roam`). */
  readonly roaming: boolean
  /** The page that guests go on to; null: the one that they wanted. */
  readonly landingUrl: string | null
  /** Where browsers reach the portal, for links in mails; null: not known. */
  readonly portalUrl: string | null
  /** How long a device goes online again without logging in, ms; null: never. */
  readonly rememberDeviceMs: number | null
  /** How such a device goes online again. */
  readonly rememberedLogin: RememberedLogin
  /** Limits of those who log in. */
  readonly limits: readonly Limit[]
  readonly oidc: OidcOptions | null
  /** The service for one-time codes. */
  readonly codeWebhook: ServiceOptions | null
  readonly webhook: { readonly url: string; readonly secret: string; readonly timeoutMs: number } | null
  /** `perHour`: of this worker. */
  readonly mail: { readonly url: string; readonly from: string; readonly perHour: number } | null
}

/** Services that the portal uses. */
export interface PortalServices {
  /** The installation's secrets: the first one signs, the others are still accepted. */
  readonly secrets: readonly [string, ...string[]]
  readonly access: AccessLog
  readonly records: Records
  /** What gateways report, and how often. */
  readonly reports: GatewayReports
  readonly logger: Logger
  /** Default: PASSWORD_COST. Only tests set it. */
  readonly passwordCost?: HashCost
}

/** @throws GatepostError CONFIG_INVALID: a file in the operator's directory cannot be used */
export function openPortal(options: PortalOptions, services: PortalServices): Portal {
  const { logger, secrets, access, records, reports } = services
  const [secret] = secrets
  const { validationTimeMs, useWithinMs, sessionMaxMs, termsVersion } = options
  const tokens = new Tokens(secrets)
  const looks = new Looks(options.directory, options.looks)
  for (const problem of looks.contrastProblems())
    logger.warn({ event: 'portal.contrast' }, `portal: ${problem}. Choose colours that people can read`)
  const terms = (gwId: string) => looks.termsVersion(gwId) ?? termsVersion
  const longestMs = Math.max(sessionMaxMs, ...options.limits.map(({ sessionMs }) => sessionMs ?? 0))
  const issued = new IssuedSessions({ tokens, access, records, useWithinMs, sessionMaxMs, longestMs, terms })
  const roaming = options.roaming ? new Roaming({ access, sessions: issued }) : null
  const sessions = roaming === null ? issued : withRoaming(issued, roaming)
  const data = new SubjectData(access)
  const places = new Places(data, access)
  const registration = (gwId: string, now: number) => registeredGateway(access, gwId, now)
  const cookies = new PortalCookies(secret, sessionMaxMs)
  const mailer = options.mail === null ? null : new Mailer({ ...options.mail, logger })
  const sources = new GatewaySources(access)
  const originOf = (remoteIp: string, mac: string) => originAt(remoteIp, mac, sources.gatewayOf(remoteIp))
  const limitCounts = new LimitCounts([...new Set([...options.methods, 'signup', 'code', REMEMBERED])])
  const mailLimits = new MailLimits(options.mail?.perHour ?? 0, () => sources.any)
  const accounts =
    mailer === null || !options.methods.includes('account')
      ? null
      : new Accounts({
          data,
          secrets,
          mailLimits,
          validationTimeMs,
          passwords: new Passwords(services.passwordCost),
          signUps: new SignUps({ data, secrets, mailer, looks, portalUrl: options.portalUrl }),
        })
  const vouchers = new VoucherLogin(data, places, secrets)
  const oidc =
    options.oidc === null || options.portalUrl === null
      ? null
      : new OidcLogin(options.oidc, options.portalUrl, secret, logger)
  const methods = new Map<LoginMethodName, LoginMethod>()
  // In the operator's order.
  for (const name of options.methods) {
    if (name === 'click') methods.set(name, clickThrough())
    else if (name === 'voucher') methods.set(name, vouchers)
    else if (name === 'account' && accounts !== null) methods.set(name, accounts.login)
    else if (name === 'webhook' && options.webhook !== null)
      methods.set(name, new WebhookLogin({ ...options.webhook, logger }))
    else if (name === 'code' && options.codeWebhook !== null)
      methods.set(name, new CodeLogin({ ...options.codeWebhook, logger }))
    else if (name === 'oidc' && oidc !== null) methods.set(name, BY_BROWSER)
    else
      throw new GatepostError('CONFIG_INVALID', `GATEPOST_LOGIN=${name}: an option that this method needs is not set`)
  }
  const registeredAddress = (gwId: string, now: number) => registration(gwId, now)?.address ?? null
  const landing = (gwId: string, now: number) => registration(gwId, now)?.landing ?? options.landingUrl
  const captiveApi = new CaptiveApi({ data, sessions, registration, landing })
  const registry = new GatewayRegistry(access, () => [])
  const isSourceOf = (gwId: string, address: string) => registry.isProven(gwId, address)
  const known = new KnownSessions({ cookies, sessions, online: new OnlineClients(access), captiveApi, isSourceOf })
  const common = { pages: looks, cookies, sessions, known, originOf, limitCounts }
  const confirm = accounts === null ? null : new ConfirmPage({ ...common, accounts, landing })
  const remembered =
    options.rememberDeviceMs === null
      ? null
      : new RememberedDevices({
          data,
          forMs: options.rememberDeviceMs,
          login: options.rememberedLogin,
          isSourceOf,
          methods: options.methods,
          vouchers,
          accounts,
        })
  const message = new MessagePage({ ...common, confirm, remembered, reports })
  const signup = accounts?.signup ?? null
  const loginLimits = new LoginLimits(options.limits, access, places)
  return new Portal({
    looks,
    cookies,
    login: new LoginPage({
      ...common,
      methods,
      signup,
      validationTimeMs,
      registeredAddress,
      captiveApi,
      loginLimits,
      remembered,
      looks,
      oidc,
    }),
    welcome: new WelcomePage({ ...common, registeredAddress, landing, message, remembered }),
    message,
    captiveApi,
    mailer,
    roaming,
    limitCounts,
    logger,
  })
}

/** Records which device each session belongs to, so that it can continue at another gateway. */
function withRoaming(sessions: Sessions, roaming: Roaming): Sessions {
  return {
    issue: async (grant) => {
      const issued = await sessions.issue(grant)
      // A failure to enable roaming must not prevent the login.
      if (issued !== null) await roaming.begun(grant, issued.session).catch(() => {})
      return issued
    },
    verify: (token, mac, now) => sessions.verify(token, mac, now),
    validated: (sessionId, now) => sessions.validated(sessionId, now),
    end: (session, now) => sessions.end(session, now),
    denial: (session, now) => sessions.denial(session, now),
    quotas: (session, now) => sessions.quotas(session, now),
    devices: (session, now) => sessions.devices(session, now),
  }
}
