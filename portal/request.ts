import type { Exchange } from '../ingest/http.ts'
import { normalMac } from '../common/mac.ts'
import { VOUCHER_PARAMETER } from '../access/voucher-sheet.ts'
import type { Route } from '../ingest/routes/router.ts'

/** Gateways send no longer values: longer ones count as not sent. */
const MAX_ID_CHARACTERS = 128
const MAX_URL_CHARACTERS = 1500

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/** A request to the portal: copied, since an exchange is valid only until the handler returns. */
export interface PortalRequest {
  readonly route: Route
  /** Without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly cookieHeader: string
  readonly acceptLanguage: string
  /** Another site sent the form, as far as the browser says so. */
  readonly isOfOtherSite: boolean
  /** A browser asks for the page in order to show it to somebody. */
  readonly isShown: boolean
  readonly remoteIp: string
  /** Whether a trusted proxy says that the client used HTTPS. */
  readonly secure: boolean
  /** ms since the epoch. */
  readonly now: number
}

export function portalRequest(route: Route, path: string, exchange: Exchange, isShown = true): PortalRequest {
  return {
    route,
    path,
    query: new URLSearchParams(exchange.query),
    cookieHeader: exchange.header('cookie'),
    acceptLanguage: exchange.header('accept-language'),
    isOfOtherSite: isOfOtherSite(exchange),
    isShown,
    remoteIp: exchange.remoteIp,
    secure: exchange.secure(),
    now: exchange.now(),
  }
}

/** False: the browser says that it fetches the page ahead of time, or as a part of another page. Not all browsers say so, and over HTTP most do not. */
export function isShown(exchange: Exchange): boolean {
  const purpose = exchange.header('sec-purpose') + exchange.header('purpose') + exchange.header('x-moz')
  const destination = exchange.header('sec-fetch-dest')
  return !/prefetch|prerender|preview/i.test(purpose) && (destination === '' || destination === 'document')
}

/** Browsers that know Sec-Fetch-Site send it over HTTPS. "null" as origin is what our own pages send, since they hide the token in their address. */
function isOfOtherSite(exchange: Exchange): boolean {
  const site = exchange.header('sec-fetch-site')
  if (site !== '') return site !== 'same-origin' && site !== 'none'
  const origin = exchange.header('origin')
  if (origin === '' || origin === 'null') return false
  return !URL.canParse(origin) || new URL(origin).host !== exchange.header('host')
}

/** The parameters of a gateway's redirect about itself and the client (WiFiDog protocol, "login"). Empty: not sent or not valid. */
export interface Redirect {
  readonly gwId: string
  readonly gwAddress: string
  readonly gwPort: string
  /** The client's address in the gateway's network. */
  readonly ip: string
  /** In its normal form. */
  readonly mac: string
  /** The page that the browser wanted. */
  readonly url: string
}

export function redirectOf(query: URLSearchParams): Redirect {
  return {
    gwId: parameter(query, 'gw_id', MAX_ID_CHARACTERS),
    gwAddress: parameter(query, 'gw_address', MAX_ID_CHARACTERS),
    gwPort: parameter(query, 'gw_port', MAX_ID_CHARACTERS),
    ip: parameter(query, 'ip', MAX_ID_CHARACTERS),
    mac: normalMac(parameter(query, 'mac', MAX_ID_CHARACTERS)),
    url: parameter(query, 'url', MAX_URL_CHARACTERS),
  }
}

/** Of several values of one name the last one wins, as in the gateways' own requests. */
export function parameter(query: URLSearchParams, name: string, maxCharacters: number): string {
  const value = query.getAll(name).at(-1) ?? ''
  return value.length > maxCharacters || CONTROL.test(value) ? '' : value
}

/** The device that shows a page, in the normal form: some gateways name it, and the cookie of its login does; empty: not known. */
export function deviceOf(query: URLSearchParams, cookie: { readonly mac: string } | null): string {
  return normalMac(parameter(query, 'mac', MAX_ID_CHARACTERS)) || (cookie?.mac ?? '')
}

/** The code of a scanned QR code: it opens a page of the operator, from which the gateway sends the browser here. */
export function voucherIn({ query }: PortalRequest, { url }: Redirect): string {
  const scanned = URL.canParse(url) ? new URL(url).searchParams : query
  return parameter(scanned, VOUCHER_PARAMETER, 64)
}

/** The query of a login page. */
export function redirectQuery(
  { gwId, gwAddress, gwPort, ip, mac, url }: Redirect,
  more: [string, string][] = [],
): string {
  const pairs: [string, string][] = [
    ['gw_address', gwAddress],
    ['gw_port', gwPort],
    ['gw_id', gwId],
    ['ip', ip],
    ['mac', mac],
    ['url', url],
    ...more,
  ]
  return new URLSearchParams(pairs.filter(([, value]) => value !== '')).toString()
}

/** A relative link to a sibling route: the prefix of the path is not known here. */
export function besides(path: string, route: string): string {
  return /\/(index\.php)?$/.test(path) ? `../${route}/` : `${route}/`
}

/** A URL that a page may link to; null: not http or https, or it contains a password. */
export function onwardLink(url: string): { href: string; host: string } | null {
  if (!URL.canParse(url)) return null
  const { protocol, href, host, username, password } = new URL(url)
  if ((protocol !== 'http:' && protocol !== 'https:') || username !== '' || password !== '') return null
  return { href, host }
}
