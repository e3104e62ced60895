import { firstCodePoints, storedUserName, USER_NAME_CODE_POINTS } from '../common/user-name.ts'
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
 * How records write the person's name: a name of up to six characters may also be a RADIUS user name, in upper case. Longer names are not
 * included: their first six characters in post_auth.username could belong to anybody else.
 */
export function spellings({ kind, value }: Person): string[] {
  if (kind !== 'user' || firstCodePoints(value, USER_NAME_CODE_POINTS) !== value) return [value]
  return [...new Set([value, storedUserName(value)])]
}

/** The person's hashes in erased_subjects, one per key, since after a rotation either key may be the remaining one. */
export function hashesOf(keys: readonly string[], person: Person): string[] {
  return keys.flatMap((key) => spellings(person).map((spelling) => subjectHash(key, person.kind, spelling)))
}
