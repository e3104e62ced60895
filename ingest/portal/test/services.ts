import { randomBytes } from 'node:crypto'
import { makeAnswer, type RecordOutcome } from '../../http.ts'
import type { Records } from '../../records.ts'
import type { Book } from '../book.ts'
import type { PortalServices, Registration } from '../open.ts'
import type { Grant, PortalSession, Sessions } from '../sessions.ts'

export interface TestServices {
  readonly registered: Map<string, Registration>
  /** Reasons by session. */
  readonly denied: Map<string, string>
  /** Sessions whose address was confirmed. */
  readonly validated: Set<string>
  /** In the order in which tokens were issued. */
  readonly grants: Grant[]
  readonly book: MemoryBook
  make(records: Records): Omit<PortalServices, 'logger'>
}

/** A book of one process. */
export class MemoryBook implements Book {
  readonly entries = new Map<string, { value: string; until: number | null }>()

  get(subject: string, now: number): string | undefined {
    const entry = this.entries.get(subject)
    return entry === undefined || (entry.until !== null && entry.until <= now) ? undefined : entry.value
  }

  async put(subject: string, value: string, until: number | null): Promise<void> {
    await Promise.resolve()
    this.entries.set(subject, { value, until })
  }

  async claim(subject: string, value: string, until: number | null): Promise<string> {
    await Promise.resolve()
    const first = this.entries.get(subject)
    if (first !== undefined) return first.value
    this.entries.set(subject, { value, until })
    return value
  }
}

const NOTHING = makeAnswer('login', 200, '')

export function testServices(): TestServices {
  const registered = new Map<string, Registration>()
  const denied = new Map<string, string>()
  const validated = new Set<string>()
  const grants: Grant[] = []
  const book = new MemoryBook()
  const issued = new Map<string, PortalSession>()
  return {
    registered,
    denied,
    validated,
    grants,
    book,
    make(records) {
      const sessions: Sessions = {
        async issue(grant) {
          grants.push(grant)
          const { redirect, now } = grant
          const letter = { source: 'auth', reason: 'unknown_stage', error: '', payload: '' } as const
          const batch = records.deadLetter(letter, now)
          if (batch === null) return null
          const outcome = await new Promise<RecordOutcome>((resolve) =>
            batch.wait({ respond: (_response, _answer, outcome) => resolve(outcome) }, null, NOTHING),
          )
          if (outcome !== 'kept') return null
          const token = randomBytes(16).toString('hex')
          const sessionId = randomBytes(8).toString('hex')
          const session = { sessionId, ends: now + 86_400_000, mac: redirect.mac }
          issued.set(token, session)
          return { token, session }
        },
        verify: (token) => issued.get(token) ?? null,
        validated(sessionId) {
          validated.add(sessionId)
          return Promise.resolve()
        },
        denial: ({ sessionId }) => denied.get(sessionId) ?? null,
      }
      return { secret: 'secret', sessions, book, registration: (gwId) => registered.get(gwId) ?? null }
    },
  }
}
