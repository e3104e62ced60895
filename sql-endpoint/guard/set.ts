import { SqlError } from '../errors.ts'
import { checkSettingOfClause, isReadonly, settingOfRequest, type SettingsPolicy } from './settings.ts'
import { isName, isWord, nameOf, type Token } from './tokens.ts'

/** What SET changes: values by name; null: the engine's default again. */
export interface Assignments {
  readonly settings: ReadonlyMap<string, string | null>
  /** Values of {name:Type}, by name. */
  readonly parameters: ReadonlyMap<string, string>
}

const PARAMETER = /^param_([A-Za-z_]\w{0,127})$/

/**
 * SET name = value, ... The engine gets each value as text of our own, never this statement.
 * @throws SqlError ACCESS_DENIED, and those of a setting in a SETTINGS clause
 */
export function assignmentsOf(tokens: readonly Token[], policy: SettingsPolicy): Assignments {
  const settings = new Map<string, string | null>()
  const parameters = new Map<string, string>()
  for (let at = 1; ;) {
    const [name, equals, ...rest] = tokens.slice(at, at + 4)
    if (!isName(name) || equals?.kind !== 'Equals') throw notUnderstood()
    const { value, length } = valueOf(rest)
    const parameter = PARAMETER.exec(nameOf(name))?.[1]
    if (parameter !== undefined) parameters.set(parameter, value ?? '')
    else if (value === null) {
      checkSettingOfClause(nameOf(name), '1', policy)
      settings.set(nameOf(name), null)
    } else {
      if (nameOf(name) === 'readonly') {
        // For the rest of the session: anything else is an attempt to write.
        if (!isReadonly(value)) checkSettingOfClause('readonly', value, policy)
        settings.set('readonly', value)
      }
      // Clients set what has no effect here, as they send it with requests.
      const taken = settingOfRequest(nameOf(name), value, policy)
      if (taken !== null) {
        checkSettingOfClause(nameOf(name), value, policy)
        settings.set(nameOf(name), taken)
      }
    }
    at += 2 + length
    const comma = tokens[at]
    if (comma === undefined) return { settings, parameters }
    if (comma.kind !== 'Comma') throw notUnderstood()
    at++
  }
}

function valueOf([first, second]: readonly (Token | undefined)[]): { value: string | null; length: number } {
  if (isWord(first, 'DEFAULT')) return { value: null, length: 1 }
  if (first?.kind === 'Minus' && second?.kind === 'Number') return { value: `-${second.text}`, length: 2 }
  if (first?.kind === 'Number' || first?.kind === 'BareWord') return { value: first.text, length: 1 }
  if (first?.kind === 'StringLiteral') return { value: textOf(first), length: 1 }
  throw notUnderstood()
}

/** The text of a literal in the engine's own formatting. Other escapes stand for control characters, which no setting needs. */
function textOf({ text }: Token): string {
  const inner = text.slice(1, -1)
  if (/\\[^\\']/.test(inner.replaceAll('\\\\', ''))) throw notUnderstood()
  return inner.replace(/\\([\\'])/g, '$1')
}

function notUnderstood(): SqlError {
  return new SqlError('ACCESS_DENIED', 'SET is available as SET name = value, ... with numbers and texts')
}
