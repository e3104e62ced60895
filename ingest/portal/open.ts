import type { Logger } from '../../common/logger.ts'
import { PortalCookies } from './cookie.ts'
import { LoginPage } from './login.ts'
import { MessagePage } from './message.ts'
import { clickThrough, type LoginMethod, type LoginMethodName } from './method.ts'
import { Pages } from './pages.ts'
import { Portal } from './portal.ts'
import type { Sessions } from './sessions.ts'
import { loadLanguages } from './texts.ts'
import { WebhookLogin } from './webhook.ts'
import { WelcomePage } from './welcome.ts'

/** How the portal is set up: plain data, so that it can be sent to another process. */
export interface PortalOptions {
  readonly methods: readonly LoginMethodName[]
  /** Of the operator's templates and texts; null: none. */
  readonly directory: string | null
  readonly termsVersion: string
  readonly sessionMaxMs: number
  readonly validationTimeMs: number
  readonly webhook: { readonly url: string; readonly secret: string; readonly timeoutMs: number } | null
  readonly mail: { readonly url: string; readonly from: string } | null
}

/** What the portal works with. */
export interface PortalServices {
  readonly secret: string
  readonly sessions: Sessions
  readonly registeredAddress: (gwId: string, now: number) => string | null
  readonly logger: Logger
}

/** @throws GatepostError CONFIG_INVALID: a file of the operator's directory cannot be used */
export function openPortal(options: PortalOptions, services: PortalServices): Portal {
  const { logger, sessions, registeredAddress } = services
  const pages = new Pages(options.directory)
  const languages = loadLanguages(options.directory)
  const cookies = new PortalCookies(services.secret, options.sessionMaxMs)
  const methods = new Map(options.methods.map((name) => [name, loginMethod(name, options, services)]))
  return new Portal({
    languages,
    login: new LoginPage({
      methods,
      signup: null,
      validationTimeMs: options.validationTimeMs,
      pages,
      cookies,
      sessions,
      registeredAddress,
    }),
    welcome: new WelcomePage({ pages, cookies, sessions, registeredAddress }),
    message: new MessagePage({ pages, cookies, sessions }),
    logger,
  })
}

function loginMethod(name: LoginMethodName, options: PortalOptions, { logger }: PortalServices): LoginMethod {
  switch (name) {
    case 'click':
      return clickThrough
    case 'webhook':
      if (options.webhook === null) throw new Error('the webhook has no address')
      return new WebhookLogin({ ...options.webhook, logger })
    case 'voucher':
    case 'account':
      throw new Error(`${name} is not built`)
  }
}
