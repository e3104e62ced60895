import { parseAddress } from './address.ts'
import { ServerClient } from './client.ts'

export interface Right {
  readonly privilege: string
  readonly on: string
  /** Needed only with GATEPOST_CLICKHOUSE_CLUSTER. */
  readonly inCluster?: true
}

const onTables = (...privileges: string[]): Right[] => privileges.map((privilege) => ({ privilege, on: 'gatepost.*' }))

/**
 * What the user of GATEPOST_CLICKHOUSE_URL needs; docs/clickhouse.md says what for. The server adds views to tables, and CREATE TEMPORARY
 * TABLE for input(), and lets users kill their own queries.
 */
export const RIGHTS: readonly Right[] = [
  ...onTables('SELECT', 'INSERT', 'ALTER', 'CREATE TABLE', 'DROP TABLE', 'TRUNCATE', 'OPTIMIZE'),
  { privilege: 'SELECT', on: 'system.processes' },
  { privilege: 'CLUSTER', on: '*.*', inCluster: true },
  { privilege: 'REMOTE', on: '*.*', inCluster: true },
]

/** Statements that give rights to a user, without the user: one for each place. */
export function grantsOf(rights: readonly Right[]): string[] {
  const places = [...new Set(rights.map(({ on, inCluster }) => `${inCluster === true} ${on}`))]
  return places.map((place) => {
    const here = rights.filter(({ on, inCluster }) => `${inCluster === true} ${on}` === place)
    return `GRANT ${here.map(({ privilege }) => privilege).join(', ')} ON ${here[0].on}`
  })
}

/** Those of RIGHTS that a server's user lacks. @throws the client's errors: the server does not answer, or does not know CHECK GRANT */
export async function missingRights(url: string, isCluster: boolean): Promise<Right[]> {
  const address = parseAddress(url)
  const client = new ServerClient(address, false)
  try {
    const missing: Right[] = []
    for (const right of RIGHTS) {
      if (right.inCluster === true && !isCluster) continue
      if ((await client.text(`CHECK GRANT ${right.privilege} ON ${right.on}`)) !== '1') missing.push(right)
    }
    return missing
  } finally {
    await client.close()
  }
}
