import type { IncomingMessage } from 'node:http'

/** Null: not an address of this endpoint. */
export function urlOf(req: IncomingMessage): URL | null {
  const target = req.url ?? '/'
  // Only the origin form: new URL() throws on many other forms.
  if (!target.startsWith('/') || target.startsWith('//')) return null
  try {
    return new URL(`http://endpoint${target}`)
  } catch {
    return null
  }
}

/** What load balancers and clients ask to see whether it is there. */
export function isGreeting(req: IncomingMessage, url: URL): boolean {
  const asks = req.method === 'GET' || req.method === 'HEAD'
  if (!asks) return false
  if (url.pathname === '/ping' || url.pathname === '/replicas_status') return true
  return url.pathname === '/' && !url.searchParams.has('query')
}
