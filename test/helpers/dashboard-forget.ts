import type { Forgotten } from '../../privacy/forget-person.ts'
import type { Instance } from './instance.ts'

/** Asks the dashboard of an instance to forget a person. @throws Error: it did not */
export async function forgetOnDashboard(instance: Instance, body: object): Promise<Forgotten> {
  const answer = await fetch(instance.url('/api/forget', instance.dashboardPort), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`${answer.status}: ${text}`)
  return JSON.parse(text) as Forgotten
}
