import { SqlError } from '../errors.ts'

/** A node in the output of EXPLAIN AST: its kind, and the rest of its line without the number of children. */
export interface AstNode {
  readonly kind: string
  readonly detail: string
  readonly children: AstNode[]
}

const LINE = /^( *)(SYSTEM query|[A-Za-z][A-Za-z:]*)(.*)$/s

/**
 * Parses the output, whose lines are indented by one space per level. Each line's number of children is checked, so that a name which looks
 * like lines of the tree cannot pass for nodes.
 * @throws SqlError NOT_IMPLEMENTED when the output is not understood
 */
export function parseAst(printed: string): AstNode {
  const lines = printed.split(/\r?\n/)
  while (lines.at(-1) === '') lines.pop()
  const rootLine = lines[0]
  if (rootLine === undefined) throw notUnderstood('nothing')
  const stack: { node: AstNode; expected: number }[] = []
  let root: AstNode | null = null
  for (const line of lines) {
    const match = LINE.exec(line)
    if (match === null) throw notUnderstood(line)
    const [, indent = '', kind = '', tail = ''] = match
    const count = / \(children (\d+)\)$/.exec(tail)
    const detail = (count === null ? tail : tail.slice(0, count.index)).trim()
    const node: AstNode = { kind, detail, children: [] }
    closeTo(stack, indent.length)
    const parent = stack.at(-1)
    if (stack.length !== indent.length || (parent === undefined && root !== null)) throw notUnderstood(line)
    if (parent === undefined) root = node
    else parent.node.children.push(node)
    stack.push({ node, expected: count === null ? 0 : Number(count[1]) })
  }
  closeTo(stack, 0)
  if (root === null) throw notUnderstood(rootLine)
  return root
}

function closeTo(stack: { node: AstNode; expected: number }[], depth: number): void {
  while (stack.length > depth) {
    const closed = stack.pop()
    if (closed !== undefined && closed.node.children.length !== closed.expected) throw notUnderstood(closed.node.kind)
  }
}

function notUnderstood(line: string): SqlError {
  return new SqlError(
    'NOT_IMPLEMENTED',
    `The query's structure is not understood at ${JSON.stringify(line.slice(0, 100))}`,
  )
}

/** Every node with its parent, parents first. With a stack of its own: generators within generators cost each node its depth. */
export function* walk(root: AstNode): Generator<[AstNode, AstNode | null]> {
  const waiting: [AstNode, AstNode | null][] = [[root, null]]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    yield next
    const [node] = next
    for (const child of node.children.toReversed()) waiting.push([child, node])
  }
}

/** The name in `Function name (alias x)`, `Identifier a.b (alias x)`. */
export function nameIn(node: AstNode): string {
  const alias = node.detail.endsWith(')') ? node.detail.indexOf(' (alias ') : -1
  return alias === -1 ? node.detail : node.detail.slice(0, alias)
}
