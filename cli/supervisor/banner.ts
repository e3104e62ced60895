import type { Config } from '../config.ts'
import { httpUrl } from './ports.ts'

/** What listens where, and one line to try. */
export function banner(config: Config, version: string): string {
  const open = config.bind
  const inside = config.privateBind
  const sql = httpUrl(inside, config.sqlPort)
  return `
Gatepost ${version} is running. Data directory: ${config.dataDir}

  ${httpUrl(open, config.gatewayPort)}   gateways (WiFiDog: HTTP/1.0 and 1.1)
  ${httpUrl(open, config.ingestPort)}   RADIUS servers, load balancers (HTTP/1.1)
  ${sql}   SQL (ClickHouse HTTP interface)
  ${httpUrl(inside, config.metricsPort)}   /metrics, /healthz, /readyz

Try it: report a login, and read it back two seconds later:

  curl -i ${httpUrl(open, config.ingestPort)}/logging/post-auth -d '{"username":"alice","authentication_result":"Access-Accept","site_ip_address":"127.0.0.1"}'
  curl '${sql}/?query=SELECT+*+FROM+post_auth+FORMAT+PrettyCompact'

Ctrl-C stops it, with everything stored.
`
}
