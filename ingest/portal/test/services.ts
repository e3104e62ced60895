import { randomBytes } from 'node:crypto'
import { makeAnswer, type RecordOutcome } from '../../http.ts'
import type { Records } from '../../records.ts'
import type { PortalServices } from '../open.ts'
import type { PortalSession, Sessions } from '../sessions.ts'

export interface TestServices {
  /** Registered addresses by gw_id. */
  readonly registered: Map<string, string>
  make(records: Records): Omit<PortalServices, 'logger'>
}

const NOTHING = makeAnswer('login', 200, '')

export function testServices(): TestServices {
  const registered = new Map<string, string>()
  const issued = new Map<string, PortalSession>()
  return {
    registered,
    make(records) {
      const sessions: Sessions = {
        async issue({ redirect, now }) {
          const letter = { source: 'auth', reason: 'unknown_stage', error: '', payload: '' } as const
          const batch = records.deadLetter(letter, now)
          if (batch === null) return null
          const outcome = await new Promise<RecordOutcome>((resolve) =>
            batch.wait({ respond: (_response, _answer, outcome) => resolve(outcome) }, null, NOTHING),
          )
          if (outcome !== 'kept') return null
          const token = randomBytes(16).toString('hex')
          const sessionId = randomBytes(8).toString('hex')
          issued.set(token, { sessionId, ends: now + 86_400_000, mac: redirect.mac })
          return { token, sessionId }
        },
        verify: (token) => issued.get(token) ?? null,
        denialReason: () => '',
      }
      return { secret: 'secret', sessions, registeredAddress: (gwId) => registered.get(gwId) ?? null }
    },
  }
}
