import type { AccessLog } from './log.ts'
import { SUBJECTS, type Registration } from './subjects.ts'
import { insertRows, type TableStore } from '../store/table-store.ts'

/** What the portal needs of a registration. */
export interface RegisteredGateway {
  /** As browsers behind it reach it; null: not said. */
  readonly address: string | null
  /** Devices behind it are seen here with their own addresses. */
  readonly routed: boolean
}

/** What `gatepost gateways register` said of a gateway, from the access-control log; null: nothing. */
export function registeredGateway(access: AccessLog, gwId: string, now: number): RegisteredGateway | null {
  const data = SUBJECTS.registration.dataOf(access.get(SUBJECTS.registration.of(gwId), now))
  if (data === undefined) return null
  const { address, routed } = data
  return { address: typeof address === 'string' && address !== '' ? address : null, routed: routed === true }
}

/** Keeps what is said of gateways: where the listeners look, and where the tables' readers do. @throws GatepostError of log and store */
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
