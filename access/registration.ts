import type { AccessLog } from './log.ts'
import { SUBJECTS, type Registration } from './subjects.ts'
import { insertRows, type TableStore } from '../store/table-store.ts'

/** What the portal needs to know about a registered gateway. */
export interface RegisteredGateway {
  /** Address under which browsers reach the gateway; null: not given. */
  readonly address: string | null
  /** Devices behind the gateway reach us with their own addresses (no NAT). */
  readonly routed: boolean
  /** The page that its guests go on to; null: the installation's. */
  readonly landing: string | null
}

/** The registration of a gateway in the access log (`gatepost gateways register`); null: not registered. */
export function registeredGateway(access: AccessLog, gwId: string, now: number): RegisteredGateway | null {
  const data = SUBJECTS.registration.dataOf(access.get(SUBJECTS.registration.of(gwId), now))
  if (data === undefined) return null
  const { address, routed, landing } = data
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null)
  return { address: text(address), routed: routed === true, landing: text(landing) }
}

/** Stores registrations both in the access log, for the listeners, and in a table, for queries. @throws GatepostError of log and store */
export async function registerAll(
  access: AccessLog,
  store: TableStore,
  gateways: ReadonlyMap<string, Registration>,
): Promise<void> {
  for (const [gwId, data] of gateways) {
    const entry = { verdict: 'allow', reason: '', until: null, updatedAt: Date.now(), data: { ...data } } as const
    await access.put(SUBJECTS.registration.of(gwId), entry)
  }
  const names = [...gateways].map(([gwId, { name }]) => ({ gw_id: gwId, name }))
  await insertRows(store, 'gatepost.gateway_names (gw_id, name)', names)
}
