import type { Config } from '../config.ts'

/** What listens where, and one line to try. */
export function banner(config: Config, version: string): string {
  const at = (host: string, port: number) => `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  const open = config.bind
  const inside = config.privateBind
  const sql = at(inside, config.sqlPort)
  return `
Gatepost ${version} is running. Data directory: ${config.dataDir}

  ${at(open, config.gatewayPort)}   gateways (WiFiDog: HTTP/1.0 and 1.1)
  ${at(open, config.ingestPort)}   RADIUS servers, load balancers (HTTP/1.1)
  ${sql}   SQL (ClickHouse HTTP interface)
  ${at(inside, config.metricsPort)}   /metrics, /healthz, /readyz

Try it: report a login, and read it back two seconds later:

  curl -i ${at(open, config.ingestPort)}/logging/post-auth -d '{"username":"alice","authentication_result":"Access-Accept","site_ip_address":"127.0.0.1"}'
  curl '${sql}/?query=SELECT+*+FROM+post_auth+FORMAT+PrettyCompact'

Ctrl-C stops it, with everything stored.
`
}
