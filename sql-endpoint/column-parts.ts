import { loadMigrations } from '../store/migrations.ts'

/** Parts of columns by their types: of texts, of what may be NULL, of arrays and of maps. */
const OF_TYPES = ['size', 'null', 'size0', 'size1', 'keys', 'keys.size', 'values', 'values.size']
const OF_ELEMENTS = ['', '.size', '.null']
const TUPLE = /(\w+)\s+(?:SimpleAggregateFunction\(\w+,\s*)?(?:(?:Array|Nullable)\()*Tuple\(/g

let known: ReadonlyMap<string, ReadonlySet<string>> | null = null

/**
 * Names of parts that a column may have, which the engine takes for columns of their own (`name.size`), and gives to who has the table. Elements of
 * tuples are known of Gatepost's own tables only: the engine's roles are made before it is open. See guard/hidden-columns.ts.
 */
export function partsOf(column: string): string[] {
  known ??= elementsOfTuples()
  const elements = [...(known.get(column) ?? [])].flatMap((name) => OF_ELEMENTS.map((part) => `${name}${part}`))
  return [...OF_TYPES, ...elements].map((part) => `${column}.${part}`)
}

/** By column, of whatever table. */
function elementsOfTuples(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const text of loadMigrations().flatMap(({ statements }) => statements)) {
    for (const match of text.matchAll(TUPLE)) {
      const [begin, column] = match
      const names = found.get(column) ?? new Set()
      for (const element of elementsOf(text.slice(match.index + begin.length)))
        names.add(/^\w*/.exec(element)?.[0] ?? '')
      found.set(column, names)
    }
  }
  return found
}

/** The elements of a tuple whose parenthesis is open. */
function elementsOf(text: string): string[] {
  const elements = ['']
  let depth = 1
  for (const char of text) {
    if (char === '(') depth++
    else if (char === ')') depth--
    if (depth === 0) break
    if (char === ',' && depth === 1) elements.push('')
    else elements[elements.length - 1] += char
  }
  return elements.map((element) => element.trim())
}
