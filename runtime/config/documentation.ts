import { PERFORMANCE_BEARER, VARIABLES } from './variables.ts'
import type { Variable } from './variable.ts'

/** The table of docs/configuration.md, as Markdown. */
export function configurationTable(): string {
  const variables: readonly Variable[] = [...Object.values<Variable>(VARIABLES), PERFORMANCE_BEARER]
  const rows = variables.map(
    (variable) =>
      `| \`${variable.env}\` | ${defaultOf(variable)} | ${cell(variable.description)} | ${cell(variable.allowed)} |`,
  )
  return ['| variable | default | what | allowed |', '|---|---|---|---|', ...rows].join('\n')
}

function defaultOf(variable: Variable): string {
  return variable.default === undefined ? variable.unset : `\`${variable.default}\``
}

/**
 * Escapes < (it would start an HTML tag) and (it would start the next cell).
 */
function cell(text: string): string {
  return text.replaceAll('<', '&lt;').replaceAll('|', '\\|')
}
