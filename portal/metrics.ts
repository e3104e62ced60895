import type { PlainMetrics } from '../common/metrics.ts'
import type { Mailer } from './mail.ts'

/** What the portal counts. */
export interface PortalCounts {
  /** Login forms by method and outcome. */
  readonly outcomes: ReadonlyMap<string, number>
  /** Login forms that failed with an internal error. */
  readonly faults: number
  /** Refused forms by what was limited and the limit. */
  readonly limited: ReadonlyMap<string, number>
  /** Outgoing mail; null: not configured. */
  readonly mailer: Mailer | null
}

export function addPortalMetrics(metrics: PlainMetrics, portal: PortalCounts): void {
  metrics.add('counter', 'gatepost_portal_logins_total', 'Login forms handled, by method and outcome', () =>
    [...portal.outcomes].map(([key, value]) => {
      const [method, outcome] = key.split(' ')
      return { value, labels: { method, outcome } }
    }),
  )
  metrics.add('counter', 'gatepost_portal_faults_total', 'Login forms that failed with an internal error', () => [
    { value: portal.faults },
  ])
  metrics.add(
    'counter',
    'gatepost_portal_limited_total',
    'Forms refused because of a limit, by what was sent and the limit',
    () =>
      [...portal.limited].map(([key, value]) => {
        const [what, limit] = key.split(' ')
        return { value, labels: { what, limit } }
      }),
  )
  const { mailer } = portal
  if (mailer === null) return
  metrics.add('gauge', 'gatepost_portal_mails_waiting', 'Mails waiting to be sent', () => [{ value: mailer.waiting }])
  metrics.add('counter', 'gatepost_portal_mails_total', 'Mails, by outcome', () => [
    { value: mailer.sent, labels: { outcome: 'sent' } },
    { value: mailer.failed, labels: { outcome: 'given_up' } },
  ])
}
