import type { AccessLog } from '../../access/log.ts'
import type { Registration } from './open.ts'

/** What `gatepost gateways register` said of a gateway, from the access-control log; null: nothing. */
export function registrationOf(access: AccessLog, gwId: string, now: number): Registration | null {
  const data = access.get(`registration:${gwId}`, now)?.data
  if (data === undefined) return null
  const address = data['address']
  return { address: typeof address === 'string' && address !== '' ? address : null, routed: data['routed'] === true }
}
