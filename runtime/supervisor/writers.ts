import { GatepostError } from '../../common/errors.ts'
import { isLoopback } from '../../common/ip-address.ts'
import type { Config } from '../config/config.ts'

/** Call before anything is created or started. @throws GatepostError CONFIG_INVALID: everybody could report logins */
export function assertWritersKnown({ bind, ingestCredentials, ingestSources, ingestOpen }: Config): void {
  if (isLoopback(bind) || ingestOpen === 'yes') return
  if (ingestCredentials !== undefined || ingestSources?.['post-auth'] !== undefined) return
  throw new GatepostError(
    'CONFIG_INVALID',
    `GATEPOST_BIND=${bind}: everyone who can reach this address could report logins. Set GATEPOST_INGEST_CREDENTIALS, for example ` +
      'GATEPOST_INGEST_CREDENTIALS="radius-1:$(openssl rand -hex 16)", and give the RADIUS server that name and secret; or set ' +
      'GATEPOST_INGEST_SOURCES to its network, for example post-auth=192.0.2.7; or set GATEPOST_INGEST_OPEN=yes to take logins from everybody',
  )
}
