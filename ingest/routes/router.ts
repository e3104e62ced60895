/*
 * Paths as configured in gateways and RADIUS servers: with any prefix, with or without a trailing slash, with or without index.php, or with the
 * route as a script.
 *
 *  path = prefix route [ ".php" ] [ "/" ] [ "index.php" ]
 */

export const ROUTES = [
  'ping',
  'auth',
  'roam',
  'login2',
  'login',
  'portal',
  'gw_message',
  'capport',
  'post_auth',
  'accounting',
  'healthcheck',
  'root',
  'unknown',
] as const
export type Route = (typeof ROUTES)[number]

const INDEX_PHP = '/index.php'
const PHP = '.php'
const POST_AUTH = '/logging/post-auth'
const ACCOUNTING = '/logging/accounting'
/** Path before the gateway's id. */
const CAPPORT_API = '/capport/api/'

/** The route of a path without its query. */
export function routeOf(path: string): Route {
  let end = path.length
  if (path.endsWith(INDEX_PHP)) end -= INDEX_PHP.length
  if (end > 0 && path.charCodeAt(end - 1) === 0x2f) end--
  if (path.startsWith(PHP, end - PHP.length)) end -= PHP.length
  if (end === 0) return 'root'
  const start = path.lastIndexOf('/', end - 1) + 1
  switch (end - start) {
    case 4:
      if (path.startsWith('ping', start)) return 'ping'
      if (path.startsWith('auth', start)) return 'auth'
      if (path.startsWith('roam', start)) return 'roam'
      break
    case 5:
      if (path.startsWith('login', start)) return 'login'
      break
    case 6:
      if (path.startsWith('portal', start)) return 'portal'
      if (path.startsWith('login2', start)) return 'login2'
      break
    case 10:
      if (path.startsWith('gw_message', start)) return 'gw_message'
      if (path.endsWith(ACCOUNTING, end)) return 'accounting'
      break
    case 9:
      if (path.endsWith(POST_AUTH, end)) return 'post_auth'
      break
    case 11:
      if (start === 1 && path.startsWith('healthcheck', start)) return 'healthcheck'
      break
  }
  if (path.endsWith(CAPPORT_API, start)) return 'capport'
  return 'unknown'
}
