import { isName, isWord, nameOf, type Token } from './tokens.ts'

const MAX_CHARACTERS = 4096
const LITERALS: ReadonlySet<string> = new Set(['Number', 'StringLiteral', 'HereDoc'])
const PLACEHOLDER = '?'

/**
 * What a statement does, without what it asks about: literals, and names that it makes up itself, are `?`. PRECONDITION: the text is in the
 * engine's formatting, where an alias follows AS, and it has run, so every other name is one of a table, a column, a function or a setting.
 * @returns empty: it would be longer than 4096 characters
 */
export function shapeOf(tokens: readonly Token[]): string {
  const own = new Set<string>()
  tokens.forEach((token, at) => {
    if (!isName(token)) return
    const next = tokens[at + 1]
    // x AS name; WITH name AS (SELECT …); WITH (a, b) -> …; name -> x
    const isAlias = isWord(tokens[at - 1], 'AS')
    const isNamedQuery = isWord(next, 'AS') && tokens[at + 2]?.text === '('
    if (isAlias || isNamedQuery || next?.text === '->') own.add(nameOf(token))
  })
  for (const name of parametersOfLambdas(tokens)) own.add(name)
  let shape = ''
  let end = -1
  for (const token of tokens) {
    const hidden = LITERALS.has(token.kind) || (isName(token) && own.has(nameOf(token)))
    const space = end === -1 || token.begin === end ? '' : ' '
    shape += space + (hidden ? PLACEHOLDER : token.text)
    if (shape.length > MAX_CHARACTERS) return ''
    end = token.end
  }
  return shape
}

/** (a, b) -> a + b */
function parametersOfLambdas(tokens: readonly Token[]): string[] {
  return tokens.flatMap((token, at) => {
    if (token.text !== '->' || tokens[at - 1]?.text !== ')') return []
    const opens = tokens.slice(0, at).findLastIndex(({ text }) => text === '(')
    return tokens.slice(opens + 1, at - 1).flatMap((inside) => (isName(inside) ? [nameOf(inside)] : []))
  })
}
