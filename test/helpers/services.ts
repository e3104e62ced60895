/** Variable with the URL of the services that the test files of one run share. */
export const SERVICES_VARIABLE = 'GATEPOST_TEST_SERVICES'

export type ServiceName = 'kafka' | 'store'

/** What a service of this run of the suite answers; null for a file that runs alone. @throws Error if the service did not start */
export async function askService<T>(name: ServiceName): Promise<T | null> {
  const services = process.env[SERVICES_VARIABLE]
  if (services === undefined) return null
  const answer = await fetch(`${services}/${name}`)
  const text = await answer.text()
  if (!answer.ok) throw new Error(`no ${name}: ${text}`)
  return JSON.parse(text) as T
}
