import type { Variable } from './variable.ts'

const HIDDEN = '********'

/** A variable's value, safe to show in a terminal, a log or a bug report. */
export function masked(variable: Pick<Variable, 'secret'>, text: string): string {
  if (variable.secret === 'whole') return HIDDEN
  return variable.secret === 'url' ? maskUrl(text) : text
}

/**
 * Removes the password and the query. Also works on text that is not a valid URL, since error messages show such text: there, everything up
 * to the last @ may be a password.
 */
function maskUrl(text: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? ''
  const at = text.lastIndexOf('@')
  const user = at < 0 ? '' : `${maskUser(text.slice(scheme.length, at))}@`
  const [address, query] = splitOnce(text.slice(at < 0 ? scheme.length : at + 1), '?')
  return `${scheme}${user}${address}${query === undefined ? '' : `?${HIDDEN}`}`
}

function maskUser(credentials: string): string {
  const [user, password] = splitOnce(credentials, ':')
  return password === undefined ? HIDDEN : `${user}:${HIDDEN}`
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)]
}
