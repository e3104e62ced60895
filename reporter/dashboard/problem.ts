import { z } from '@hono/zod-openapi'
import { GatepostError, retryableOf } from '../../common/errors.ts'

/** The body of every error response. */
export const problem = z.object({ error: z.string() }).openapi('Problem')

/** An error response, thrown. */
export class Refusal extends Error {
  readonly status: 400 | 401 | 403 | 404 | 409 | 429 | 503
  /** When to try again, ms from now (Retry-After). */
  readonly retryAfterMs: number | undefined

  constructor(status: Refusal['status'], message: string, retryAfterMs?: number) {
    super(message)
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}

/** What the client learns about an error; of internal errors nothing but the status. */
export function statusOf(error: unknown): {
  readonly status: 400 | 401 | 403 | 404 | 409 | 429 | 500 | 503
  readonly text: string
} {
  if (error instanceof Refusal) return { status: error.status, text: error.message }
  if (error instanceof GatepostError && error.code === 'INPUT_INVALID') return { status: 400, text: error.message }
  if (retryableOf(error) === 'always')
    return { status: 503, text: 'the tables cannot be read at the moment; try again' }
  return { status: 500, text: 'this could not be answered; the log says why' }
}

/** The error responses that any API route may give, for its documentation. */
export const REFUSALS = {
  400: { description: 'A parameter that cannot be used', content: { 'application/json': { schema: problem } } },
  401: { description: 'Log in first', content: { 'application/json': { schema: problem } } },
  429: { description: 'Too many requests', content: { 'application/json': { schema: problem } } },
  503: { description: 'The tables cannot be read at the moment', content: { 'application/json': { schema: problem } } },
} as const
