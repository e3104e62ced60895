import { firstCodePoints, storedUserName, USER_NAME_CODE_POINTS } from '../common/user-name.ts'
import { subjectHash, type SubjectKind } from './erased.ts'

/** Who is to be forgotten: a user's name as the portal or a certificate has it, or a MAC in the normal form. */
export interface Person {
  readonly kind: SubjectKind
  readonly value: string
}

/**
 * How a person is written in records: a name of up to six characters is a RADIUS user's too, in capitals. A longer name is not: what
 * post_auth.username holds of it is not told from others that begin like it.
 */
export function spellings({ kind, value }: Person): string[] {
  if (kind === 'mac' || firstCodePoints(value, USER_NAME_CODE_POINTS) !== value) return [value]
  return [...new Set([value, storedUserName(value)])]
}

/** Under which hashes a person is kept in erased_subjects: of every key, since either may be the one that is left after a rotation. */
export function hashesOf(keys: readonly string[], person: Person): string[] {
  return keys.flatMap((key) => spellings(person).map((spelling) => subjectHash(key, person.kind, spelling)))
}
