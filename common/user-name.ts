/*
 * How user names are compared and stored. An installation stores the user names of RADIUS servers by one rule, which never changes: names of
 * two rules in one store would count as two people. Account names of the portal are kept whole and compared without regard to case.
 */

/**
 * GATEPOST_USERNAMES:
 *  lowercase  the whole name in lower case, its realm included
 *  as-sent    the whole name
 *  govwifi    the first six code points, in upper case, as the GovWifi logging API stores them
 */
export const USER_NAME_RULES = ['lowercase', 'as-sent', 'govwifi'] as const
export type UserNameRule = (typeof USER_NAME_RULES)[number]

/** Of a new installation. */
export const DEFAULT_USER_NAME_RULE: UserNameRule = 'lowercase'

/** Of an installation in which a version before 0.2.0 has stored names: it had no other rule. */
export const FIRST_USER_NAME_RULE: UserNameRule = 'govwifi'

export const GOVWIFI_CODE_POINTS = 6

export function isUserNameRule(text: unknown): text is UserNameRule {
  return (USER_NAME_RULES as readonly unknown[]).includes(text)
}

/** As stored in post_auth.username. */
export function storedUserName(name: string, rule: UserNameRule): string {
  switch (rule) {
    case 'lowercase':
      return name.toLowerCase()
    case 'as-sent':
      return name
    case 'govwifi':
      return capitals(firstCodePoints(name, GOVWIFI_CODE_POINTS))
  }
}

/** Whether the stored form of this name is that of other names too, which begin with the same characters. */
export function isShared(name: string, rule: UserNameRule): boolean {
  return rule === 'govwifi' && firstCodePoints(name, GOVWIFI_CODE_POINTS) !== name
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
