/*
 * Paths as gateways and RADIUS servers are configured: any prefix, with and without a trailing slash, with index.php.
 *
 *   path = prefix route [ "/" ] [ "index.php" ]
 */

export const ROUTES = ['ping', 'auth', 'post_auth', 'healthcheck', 'root', 'unknown'] as const
export type Route = (typeof ROUTES)[number]

const INDEX_PHP = '/index.php'
const POST_AUTH = '/logging/post-auth'

/** The route of a path without its query. */
export function routeOf(path: string): Route {
  let end = path.length
  if (path.endsWith(INDEX_PHP)) end -= INDEX_PHP.length
  if (end > 0 && path.charCodeAt(end - 1) === 0x2f) end--
  if (end === 0) return 'root'
  const start = path.lastIndexOf('/', end - 1) + 1
  switch (end - start) {
    case 4:
      if (path.startsWith('ping', start)) return 'ping'
      if (path.startsWith('auth', start)) return 'auth'
      break
    case 9:
      if (path.endsWith(POST_AUTH, end)) return 'post_auth'
      break
    case 11:
      if (start === 1 && path.startsWith('healthcheck', start)) return 'healthcheck'
      break
  }
  return 'unknown'
}
