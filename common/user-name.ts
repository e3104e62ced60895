/*
 * How user names are compared and stored, following the GovWifi logging API: post_auth.username holds the first six code points of a name,
 * then converted to upper case. Account names are kept whole and compared without regard to case.
 */

export const USER_NAME_CODE_POINTS = 6

/** As stored in post_auth.username. */
export function storedUserName(name: string): string {
  return capitals(firstCodePoints(name, USER_NAME_CODE_POINTS))
}

/** The form in which names are compared. */
export function capitals(name: string): string {
  return name.toUpperCase()
}

/** The same as an SQL expression: the engine's upper-casing equals toUpperCase(), as a test proves. */
export function capitalsOf(expression: string): string {
  return `upperUTF8(${expression})`
}

/** Never splits a character: a code point beyond U+FFFF is two units of a JavaScript string. */
export function firstCodePoints(text: string, count: number): string {
  let end = 0
  for (let taken = 0; taken < count && end < text.length; taken++)
    end += (text.codePointAt(end) as number) > 0xffff ? 2 : 1
  return text.slice(0, end)
}
