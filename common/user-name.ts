/*
 * How names of users are compared and stored, by the rules of the GovWifi logging API: post_auth.username holds the first six code points of
 * a name, then in capitals. Names of accounts are whole; capitals and small letters are the same in them.
 */

export const USER_NAME_CODE_POINTS = 6

/** As post_auth.username has it. */
export function storedUserName(name: string): string {
  return capitals(firstCodePoints(name, USER_NAME_CODE_POINTS))
}

/** In which names are compared. */
export function capitals(name: string): string {
  return name.toUpperCase()
}

/** The same of an expression in SQL: the engine's rules are those of toUpperCase(), which a test proves. */
export function capitalsOf(expression: string): string {
  return `upperUTF8(${expression})`
}

/** Never half of a character: a code point beyond U+FFFF is two units of a JavaScript string. */
export function firstCodePoints(text: string, count: number): string {
  let end = 0
  for (let taken = 0; taken < count && end < text.length; taken++)
    end += (text.codePointAt(end) as number) > 0xffff ? 2 : 1
  return text.slice(0, end)
}
