import { GatepostError } from '../common/errors.ts'
import { makeAnswer, type Answer, type Reply } from '../ingest/http.ts'
import { MIN_PASSWORD_CHARACTERS } from './account.ts'
import type { CaptiveApi } from './capport.ts'
import { newNonce, type PortalCookies, type PortalState } from './cookie.ts'
import { gatewayAddress, loginUrl, policySource, type GatewayAddress } from './gateway-address.ts'
import { AttemptLimits, WRONG_PASSWORDS, wholeMinutes, type LimitCounts, type Limited, type Origin } from './limits.ts'
import type { Looks } from './look.ts'
import type { KnownSessions } from './known.ts'
import type { LoginLimits } from './login-limits.ts'
import { loginTicket, stateOf } from './login-state.ts'
import type { Attempt, LoginMethod, LoginMethodName, LoginResult } from './method.ts'
import type { OidcLogin } from './oidc.ts'
import { SAFE_HEADERS, type PageMaker } from './pages.ts'
import { REMEMBERED, type KnownDevice, type RememberedDevices } from './remembered.ts'
import { parameter, redirectOf, redirectQuery, voucherIn, type PortalRequest, type Redirect } from './request.ts'
import type { Sessions } from './sessions.ts'
import type { Texts } from './texts.ts'

export interface LoginOptions {
  readonly methods: ReadonlyMap<LoginMethodName, LoginMethod>
  /** Creates accounts; null: sign-up is not available. */
  readonly signup: LoginMethod | null
  readonly validationTimeMs: number
  readonly pages: PageMaker
  readonly cookies: PortalCookies
  readonly sessions: Sessions
  readonly known: KnownSessions
  /** The address that an operator registered for a gw_id; null: none. */
  readonly registeredAddress: (gwId: string, now: number) => string | null
  readonly captiveApi: CaptiveApi
  readonly loginLimits: LoginLimits
  readonly looks: Looks
  /** Null: not offered. */
  readonly oidc: OidcLogin | null
  /** Null: devices are not remembered. */
  readonly remembered: RememberedDevices | null
  readonly originOf: (remoteIp: string, mac: string) => Origin
  readonly limitCounts: LimitCounts
}

interface ComingBack {
  readonly device: KnownDevice
  readonly attempt: Attempt
  readonly address: GatewayAddress
}

/** Additional data of a login page. */
interface Shown {
  readonly code: number
  /** Key of a text. */
  readonly error?: string
  /** What the user typed, if it is not secret. */
  readonly email?: string
  /** The number that a one-time code was sent to. */
  readonly asksCodeFor?: string | undefined
  /** What the attempt exceeded. */
  readonly limited?: Limited | null
}

/** Why a login failed that began elsewhere; the page's address says it. */
const FAILURES = [
  'error.expired',
  'error.oidc',
  'error.oidc_down',
  'error.quota',
  'error.devices',
  'error.unavailable',
] as const
type Failure = (typeof FAILURES)[number]
type Granted = LoginResult & { readonly granted: true }

const OUTCOMES = ['granted', 'asked', 'limited', 'unavailable', 'refused'] as const

/** `login/`: the login page and its forms. */
export class LoginPage {
  readonly #options: LoginOptions
  /** Handled forms by method and outcome, such as "voucher refused". */
  readonly outcomes: Map<string, number>
  readonly #oidcLimits = new AttemptLimits(WRONG_PASSWORDS)

  constructor(options: LoginOptions) {
    this.#options = options
    const methods = [
      ...options.methods.keys(),
      ...(options.signup === null ? [] : ['signup']),
      ...(options.remembered === null ? [] : [REMEMBERED]),
    ]
    this.outcomes = new Map(methods.flatMap((method) => OUTCOMES.map((outcome) => [`${method} ${outcome}`, 0])))
  }

  /** Shows the page. */
  get(request: PortalRequest, texts: Texts): Answer | Promise<Reply> {
    const { oidc } = this.#options
    const { query } = request
    if (oidc !== null && query.has('state'))
      return this.#orUnavailable(request, texts, this.#returned(oidc, request, texts))
    if (oidc !== null && parameter(query, 'start', 16) === 'oidc') return this.#sent(oidc, request, texts)
    const failed = FAILURES.find((each) => each === parameter(query, 'failed', 64))
    const back = failed === undefined ? this.#comingBack(request, texts) : null
    if (back !== null) return this.#orUnavailable(request, texts, this.#cameBack(request, texts, back))
    return this.#page(request, texts, { code: 200, ...(failed === undefined ? {} : { error: failed }) })
  }

  /** Handles a submitted form. */
  post(request: PortalRequest, texts: Texts, form: URLSearchParams): Promise<Reply> {
    return this.#orUnavailable(request, texts, this.#submitted(request, texts, form))
  }

  async #orUnavailable(request: PortalRequest, texts: Texts, reply: Promise<Reply>): Promise<Reply> {
    try {
      return await reply
    } catch (error) {
      if (!(error instanceof GatepostError) || error.code !== 'LOG_UNAVAILABLE') throw error
      return { answer: this.#page(request, texts, { code: 503, error: 'error.unavailable' }), outcome: 'none' }
    }
  }

  /** Sends the browser to the OpenID Connect provider. */
  async #sent(oidc: OidcLogin, request: PortalRequest, texts: Texts): Promise<Reply> {
    const { remoteIp, now } = request
    const redirect = redirectOf(request.query)
    const address = this.#address(redirect, now)
    const show = (shown: Shown): Reply => ({ answer: this.#page(request, texts, shown), outcome: 'none' })
    if (address === null || !this.#methods(redirect, address).has('oidc')) return show({ code: 400 })
    const browser = this.#options.cookies.read(request.cookieHeader, now)?.nonce ?? ''
    const target = await oidc.start({ redirect, browser, remoteIp }, texts.language, now)
    if (target !== null) return movedTo(target)
    this.#count('oidc', 'unavailable')
    return show({ code: 503, error: 'error.oidc_down' })
  }

  /** A device that goes online by itself; null: it does not, or its guest wants something else here. */
  #comingBack(request: PortalRequest, { language }: Texts): ComingBack | null {
    const { remembered, known, originOf } = this.#options
    const { query, remoteIp, now, isShown } = request
    if (remembered?.isAutomatic !== true || !isShown || query.has('page')) return null
    const redirect = redirectOf(query)
    const address = this.#address(redirect, now)
    if (address === null || voucherIn(request, redirect) !== '') return null
    const device = this.#rememberedDevice(redirect, request, this.#methods(redirect, address))
    // Who was cut off is told so, and may try again with a click.
    if (device?.isAutomatic !== true || (known.find(request)?.denial ?? null) !== null) return null
    const origin = originOf(remoteIp, redirect.mac)
    return { device, address, attempt: { form: new URLSearchParams(), redirect, remoteIp, origin, language, now } }
  }

  /** @throws GatepostError LOG_UNAVAILABLE */
  async #cameBack(request: PortalRequest, texts: Texts, { device, attempt, address }: ComingBack): Promise<Reply> {
    const { remembered, loginLimits, limitCounts } = this.#options
    const { method } = device
    const granted = await (remembered as RememberedDevices).login(device, attempt)
    const result = await loginLimits.apply(granted, method, attempt)
    this.#count(REMEMBERED, outcomeOf(result))
    if (!result.granted) {
      if (result.limited !== null) limitCounts.count(REMEMBERED, result.limited)
      return { answer: this.#page(request, texts, { code: 200, error: result.error }), outcome: 'none' }
    }
    const begun = await this.#begun(request, { method, result }, attempt, address, true)
    if (typeof begun !== 'string') return begun
    return { answer: this.#page(request, texts, { code: 503, error: 'error.unavailable' }), outcome: begun }
  }

  /** The browser comes back from the provider. @throws GatepostError LOG_UNAVAILABLE */
  async #returned(oidc: OidcLogin, request: PortalRequest, texts: Texts): Promise<Reply> {
    const { cookieHeader, remoteIp, now, query } = request
    const { cookies, originOf, loginLimits, limitCounts } = this.#options
    const visit = oidc.visit(parameter(query, 'state', 2000), now)
    const redirect = visit?.redirect
    const address = redirect === undefined ? null : this.#address(redirect, now)
    if (visit === null || redirect === undefined || address === null)
      return { answer: this.#page(request, texts, { code: 400 }), outcome: 'none' }
    const failed = (error: Failure) => movedTo(`?${redirectQuery(redirect, [['failed', error]])}`)
    const state = cookies.read(cookieHeader, now)
    // The browser that left must come back, so that nobody can log others in as somebody else.
    const isSame = visit.browser === '' ? remoteIp === visit.remoteIp && state === null : state?.nonce === visit.browser
    if (!isSame || !this.#methods(redirect, address).has('oidc')) return failed('error.expired')
    const origin = originOf(remoteIp, redirect.mac)
    const limited = this.#oidcLimits.refusal(origin, now)
    if (limited !== null) {
      this.#count('oidc', 'limited')
      limitCounts.count('oidc', limited)
      return failed('error.unavailable')
    }
    this.#oidcLimits.tried(origin, now)
    const outcome = await oidc.finish(query, now)
    if (typeof outcome === 'string') {
      if (outcome === 'down') this.#oidcLimits.succeeded(origin, now)
      this.#count('oidc', outcome === 'down' ? 'unavailable' : 'refused')
      return failed(outcome === 'down' ? 'error.oidc_down' : 'error.oidc')
    }
    this.#oidcLimits.succeeded(origin, now)
    const attempt = { form: new URLSearchParams(), redirect, remoteIp, origin, language: texts.language, now }
    const granted = { granted: true, account: outcome.account, until: null, validateBy: null } as const
    const result = await loginLimits.apply(granted, 'oidc', attempt)
    this.#count('oidc', result.granted ? 'granted' : 'refused')
    if (!result.granted) return failed(FAILURES.find((each) => each === result.error) ?? 'error.unavailable')
    const begun = await this.#begun(request, { method: 'oidc', result }, attempt, address)
    return typeof begun === 'string' ? { ...failed('error.unavailable'), outcome: begun } : begun
  }

  /** @throws GatepostError LOG_UNAVAILABLE: the access log cannot be read or written */
  async #submitted(request: PortalRequest, texts: Texts, form: URLSearchParams): Promise<Reply> {
    const { cookies } = this.#options
    const show = (shown: Shown): Reply => ({ answer: this.#page(request, texts, shown), outcome: 'none' })
    const redirect = redirectOf(request.query)
    const address = this.#address(redirect, request.now)
    if (address === null) return show({ code: 400 })
    const state = cookies.read(request.cookieHeader, request.now)
    if (!this.#isOurs(request, redirect, state, parameter(form, 'form', 160)))
      return show({ code: 403, error: 'error.expired' })
    const name = parameter(form, 'method', 16)
    const { remoteIp, now } = request
    const origin = this.#options.originOf(remoteIp, redirect.mac)
    const attempt: Attempt = { form, redirect, remoteIp, origin, language: texts.language, now }
    const tried = await this.#tried(name, attempt, this.#methods(redirect, address))
    if (tried === null) return show({ code: 403, error: 'error.gateway_unregistered' })
    const result = await this.#options.loginLimits.apply(tried.result, tried.method, attempt)
    this.#count(name, outcomeOf(result))
    if (!result.granted) {
      const { code, error, limited, asksCodeFor } = result
      if (limited !== null) this.#options.limitCounts.count(name, limited)
      return show({ code, error, limited, email: parameter(form, 'email', 254), asksCodeFor })
    }
    const begun = await this.#begun(request, { method: tried.method, result }, attempt, address)
    return typeof begun === 'string' ? { ...show({ code: 503, error: 'error.unavailable' }), outcome: begun } : begun
  }

  /** The browser goes to its gateway with a token; a text: it cannot at the moment, and what became of the record. @throws GatepostError LOG_UNAVAILABLE */
  async #begun(
    request: PortalRequest,
    { method, result }: { readonly method: LoginMethodName; readonly result: Granted },
    attempt: Attempt,
    address: GatewayAddress,
    byItself = false,
  ): Promise<Reply | 'dropped' | 'kept'> {
    const { sessions, remembered, captiveApi, cookies } = this.#options
    const { redirect, remoteIp, now } = attempt
    const issued = await sessions.issue({ ...result, method, redirect, remoteIp, now })
    if (issued === null) return 'dropped'
    if (result.issued !== undefined && !(await result.issued(issued.session))) return 'kept'
    await remembered?.remember(result, method, attempt, byItself)
    await captiveApi.remember(redirect.gwId, remoteIp, issued.session, now)
    const nonce = cookies.read(request.cookieHeader, now)?.nonce ?? newNonce()
    const cookie = cookies.header(stateOf(redirect, nonce, issued.session), now, request.secure)
    const headers = [
      ...SAFE_HEADERS,
      ['Location', loginUrl(address, redirect.gwId, issued.token)],
      ['Set-Cookie', cookie],
    ] as [string, string][]
    return { answer: makeAnswer('login', 302, '', { headers }), outcome: 'kept' }
  }

  /** Null: there is no such method here. */
  async #tried(
    name: string,
    attempt: Attempt,
    offered: ReadonlySet<LoginMethodName>,
  ): Promise<{ readonly method: LoginMethodName; readonly result: LoginResult } | null> {
    const { methods, signup, remembered } = this.#options
    if (name === REMEMBERED) {
      const device = remembered?.find(attempt.redirect, attempt.remoteIp, attempt.now) ?? null
      if (remembered === null || device === null || !offered.has(device.method)) return null
      return { method: device.method, result: await remembered.login(device, attempt) }
    }
    if (name === 'signup')
      return signup === null || !offered.has('account')
        ? null
        : { method: 'account', result: await signup.login(attempt) }
    const method = [...offered].find((each) => each === name)
    const login = method === undefined ? undefined : methods.get(method)
    return method === undefined || login === undefined ? null : { method, result: await login.login(attempt) }
  }

  /** A form is one of our own, shown to this browser. Its field has the proof for the cookie, and after a point the one without. */
  #isOurs(request: PortalRequest, redirect: Redirect, state: PortalState | null, proof: string): boolean {
    const { cookies } = this.#options
    const point = proof.indexOf('.')
    if (state !== null) return cookies.provesForm(state, point < 0 ? proof : proof.slice(0, point))
    if (cookies.isSent(request.cookieHeader) || request.isOfOtherSite || point < 0) return false
    return cookies.provesTicket(loginTicket(request, redirect), proof.slice(point + 1), request.now)
  }

  #count(method: string, outcome: (typeof OUTCOMES)[number]): void {
    const key = `${method} ${outcome}`
    this.outcomes.set(key, (this.outcomes.get(key) as number) + 1)
  }

  #address(redirect: Redirect, now: number): GatewayAddress | null {
    const { gwId, gwAddress, gwPort } = redirect
    if (gwId === '') return null
    return gatewayAddress(gwAddress, gwPort, this.#options.registeredAddress(gwId, now))
  }

  /**
   * The methods that may be used here. A private address may belong to a neighbour's gateway: to an unregistered address, a token without a
   * MAC (which would be bound to the first client) is only sent if its method admits everybody anyway.
   */
  #methods(redirect: Redirect, address: GatewayAddress): Set<LoginMethodName> {
    const bound = redirect.mac !== '' || address.registered
    const { methods, looks } = this.#options
    const ofLook = looks.methods(redirect.gwId)
    const offered = [...methods.keys()].filter((name) => ofLook === null || ofLook.includes(name))
    return new Set(offered.filter((name) => bound || name === 'click'))
  }

  /** The page can be shown before the access log has been read, too. */
  #rememberedDevice(
    redirect: Redirect,
    { remoteIp, now }: PortalRequest,
    offered: ReadonlySet<LoginMethodName>,
  ): KnownDevice | null {
    try {
      const device = this.#options.remembered?.find(redirect, remoteIp, now) ?? null
      return device !== null && offered.has(device.method) ? device : null
    } catch (error) {
      if (!(error instanceof GatepostError) || error.code !== 'LOG_UNAVAILABLE') throw error
      return null
    }
  }

  #page(request: PortalRequest, texts: Texts, shown: Shown): Answer {
    const { pages, cookies, signup, validationTimeMs } = this.#options
    const redirect = redirectOf(request.query)
    const address = this.#address(redirect, request.now)
    if (address === null) {
      const data = { text: texts.text('error.gateway_missing') }
      const title = texts.text('error.title')
      return pages.answer('message', texts, {
        route: 'login',
        code: shown.code === 200 ? 400 : shown.code,
        title,
        data,
      })
    }
    const methods = this.#methods(redirect, address)
    const waitMs = shown.limited?.waitMs
    const error = shown.error ?? (methods.size === 0 ? 'error.gateway_unregistered' : undefined)
    // Every page of this browser gets the same proof, since several may be open.
    const known = cookies.read(request.cookieHeader, request.now)
    const state = stateOf(redirect, known?.nonce ?? newNonce(), null)
    const signingUp = signup !== null && methods.has('account') && parameter(request.query, 'page', 16) === 'signup'
    return pages.answer(signingUp ? 'signup' : 'login', texts, {
      route: 'login',
      code: shown.code,
      title: texts.text(signingUp ? 'signup.title' : 'login.title'),
      cookie: cookies.header(state, request.now, request.secure),
      formTarget: policySource(address),
      retryAfterMs: waitMs,
      data: {
        error:
          error === undefined || error === ''
            ? ''
            : texts.text(error, {
                count: MIN_PASSWORD_CHARACTERS,
                duration: texts.duration(wholeMinutes(waitMs ?? 0)),
              }),
        form: `${cookies.formProof(state)}.${cookies.ticket(loginTicket(request, redirect), request.now)}`,
        methods: [...methods],
        remembered: REMEMBERED,
        isRemembered: this.#rememberedDevice(redirect, request, methods) !== null,
        email: shown.email ?? '',
        codeFor: shown.asksCodeFor ?? '',
        voucher: methods.has('voucher') ? voucherIn(request, redirect) : '',
        signup: signup === null ? '' : `?${redirectQuery(redirect, [['page', 'signup']])}`,
        login: `?${redirectQuery(redirect)}`,
        oidc: this.#options.oidc?.name ?? '',
        startOidc: `?${redirectQuery(redirect, [['start', 'oidc']])}`,
        minLength: MIN_PASSWORD_CHARACTERS,
        duration: texts.duration(validationTimeMs),
      },
    })
  }
}

function outcomeOf(result: LoginResult): (typeof OUTCOMES)[number] {
  if (result.granted) return 'granted'
  return ({ 200: 'asked', 403: 'refused', 429: 'limited', 503: 'unavailable' } as const)[result.code]
}

function movedTo(target: string): Reply {
  const headers = [...SAFE_HEADERS, ['Location', target]] as [string, string][]
  return { answer: makeAnswer('login', 302, '', { headers }), outcome: 'none' }
}
