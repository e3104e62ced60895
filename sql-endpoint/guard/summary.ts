import { nameIn, walk, type AstNode } from './ast.ts'
import { DATABASE } from '../options.ts'
import { WRITER_KINDS } from './statements.ts'
import type { Token } from './tokens.ts'

/** What an audit needs to know about a statement: neither its literals nor its aliases. */
export interface StatementSummary {
  /** Such as SELECT. */
  readonly kind: string
  /** Tables that it names, sorted; also what looks like one, such as the name of a WITH. */
  readonly tables: readonly string[]
}

const MAX_TABLES = 50
/** Another name may be any text. */
const PLAIN = /^[A-Za-z_]\w{0,127}(?:\.[A-Za-z_]\w{0,127})?$/

export function summaryOf(root: AstNode, tokens: readonly Token[]): StatementSummary {
  const kind = root.kind.startsWith('Select') ? 'SELECT' : (tokens[0]?.text ?? '')
  const names = new Set<string>()
  const add = (name: string) => {
    const plain = name.replaceAll('`', '')
    const own = plain.startsWith(`${DATABASE}.`) ? plain.slice(DATABASE.length + 1) : plain
    names.add(PLAIN.test(own) ? own : '(name)')
  }
  for (const [node] of walk(root)) {
    if (node.kind === 'TableIdentifier') add(nameIn(node))
    // x IN t
    const right = node.kind === 'Function' && /in$/i.test(nameIn(node)) ? node.children[0]?.children[1] : undefined
    if (right?.kind === 'Identifier') add(nameIn(right))
  }
  if (WRITER_KINDS.has(root.kind)) {
    const target = root.children.filter((child) => child.kind === 'Identifier').map(nameIn)
    // RENAME names several tables, others [database,] table.
    if (root.kind === 'Rename') target.forEach(add)
    else if (target.length > 0) add(target.slice(0, 2).join('.'))
  }
  return { kind, tables: [...names].sort().slice(0, MAX_TABLES) }
}
