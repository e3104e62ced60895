import { isShared, storedUserName, type UserNameRule } from '../common/user-name.ts'
import { subjectHash, type SubjectKind } from './erased.ts'

/**
 * The person to forget: a user name as in the portal or in a certificate, or a MAC in the normal form. Or a writer: the name of a credential
 * whose records are removed, whoever they name.
 */
export interface Person {
  readonly kind: SubjectKind
  readonly value: string
}

/**
 * How records write the person's name: as it is, and as a RADIUS user name is stored. Not a stored form that others share: under the rule
 * govwifi, the first six characters of a longer name could belong to anybody else.
 */
export function spellings({ kind, value }: Person, rule: UserNameRule): string[] {
  if (kind !== 'user' || isShared(value, rule)) return [value]
  return [...new Set([value, storedUserName(value, rule)])]
}

/** The person's hashes in erased_subjects, one per key, since after a rotation either key may be the remaining one. */
export function hashesOf(keys: readonly string[], person: Person, rule: UserNameRule): string[] {
  return keys.flatMap((key) => spellings(person, rule).map((spelling) => subjectHash(key, person.kind, spelling)))
}
