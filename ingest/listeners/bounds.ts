import { ConnectionGate } from '../../common/connection-gate.ts'
import type { TrustedProxies } from '../../common/trusted-proxies.ts'
import { makeJsonAnswer } from '../http.ts'
import { BodyBudget } from './body-budget.ts'
import { connectionLimits, DEFAULT_LIMITS, type ListenerLimits } from './limits.ts'

/** What one listener takes at once, and what it refused. */
export interface ListenerBounds {
  readonly gate: ConnectionGate
  /** Shared by the listeners of a worker. */
  readonly bodies: BodyBudget
  /** Second requests on a connection whose first one was not answered yet. */
  pipelined: number
  /** Requests whose length is stated in a way that others may read differently. */
  framing: number
  /** Requests that were refused since their head could not be read, or was in plain HTTP where TLS is spoken (node:http only; uWebSockets does not tell). */
  readonly refusedHeads: Record<'malformed' | 'too_large' | 'timed_out' | 'full' | 'plain', number>
  /** Requests whose head breaks the rules of HTTP, and that were handled nevertheless. */
  repairedHeads: number
}

/** The bounds of both listeners of a worker. */
export interface WorkerBounds {
  readonly gateway: ListenerBounds
  readonly bulk: ListenerBounds
}

export function workerBounds(proxies: TrustedProxies, limits: ListenerLimits = DEFAULT_LIMITS): WorkerBounds {
  const connections = connectionLimits(limits)
  const bodies = new BodyBudget(limits.maxBodyBytes)
  const exempt = (address: string) => proxies.any && address !== '' && proxies.trusts(address)
  const listener = (): ListenerBounds => ({
    gate: new ConnectionGate(connections, exempt),
    bodies,
    pipelined: 0,
    framing: 0,
    refusedHeads: { malformed: 0, too_large: 0, timed_out: 0, full: 0, plain: 0 },
    repairedHeads: 0,
  })
  return { gateway: listener(), bulk: listener() }
}

/** The answer to a request whose body does not fit into the budget. */
export const BODIES_FULL = makeJsonAnswer('unknown', 503, { error: 'too many unfinished requests; send it again' }, [
  ['Retry-After', '5'],
])

/** The answer to a request whose length is ambiguous (RFC 9112, 6.3 and 11.2). */
export const AMBIGUOUS_LENGTH = makeJsonAnswer('unknown', 400, {
  error: 'Content-Length or Transfer-Encoding is repeated, not "chunked", or sent with a method without a body',
})

/** A body that nobody reads is read to its end if it is not longer; otherwise the connection is closed. */
export const UNREAD_MAX_BYTES = 64 * 1024
