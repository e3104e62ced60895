import { SqlError } from '../errors.ts'
import { DATABASE } from '../options.ts'
import type { StatementSummary } from './summary.ts'
import type { Token } from './tokens.ts'
import { NO_TABLE, type Verdict } from './verdict.ts'

const KILL: StatementSummary = { kind: 'KILL', tables: [] }

/**
 * Only these forms are allowed: KILL QUERY WHERE query_id = '...', and for a store KILL MUTATION of finished mutations, which only removes
 * their text. Without SYNC: see Engine.kill().
 */
export function killing(tokens: readonly Token[], user: string | null, actsAsServer: boolean): Verdict {
  const words = tokens.map((token) => (token.kind === 'StringLiteral' ? "''" : token.text)).join(' ')
  const [id] = tokens.filter((token) => token.kind === 'StringLiteral')
  const verdict = { ...NO_TABLE, writes: true, summary: KILL }
  if (
    actsAsServer &&
    /^KILL MUTATION WHERE \(? ?database = '' ?\)? AND is_done(?: A?SYNC)?$/.test(words) &&
    id.text === `'${DATABASE}'`
  ) {
    return { ...verdict, sql: `KILL MUTATION WHERE database = '${DATABASE}' AND is_done ASYNC` }
  }
  if (!/^KILL QUERY WHERE query_id = ''(?: A?SYNC)?$/.test(words)) {
    throw new SqlError('ACCESS_DENIED', `Queries are ended by KILL QUERY WHERE query_id = '...'`)
  }
  return { ...verdict, sql: '', kills: { queryId: id.text, user } }
}
