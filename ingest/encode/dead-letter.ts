import type { FieldNames, ReportedAs } from '../../schemas/streams/index.ts'
import type { Cursor } from './cursor.ts'

/** Why a request's record could not be stored in its own table: dead_letters.reason. */
export const DEAD_LETTER_REASONS = [
  'missing_gw_id',
  'bad_telemetry',
  'bad_number',
  'missing_telemetry',
  'unknown_stage',
  'too_many_parameters',
  'field_too_long',
  'too_many_clients',
  'bad_json',
  'not_an_object',
  'missing_field',
  'not_text',
  'too_old',
  'bad_gzip',
  'unknown_status',
] as const
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number]

/** Characters (UTF-16 units, up to 3 bytes each in UTF-8) of a payload that are kept. */
export const PAYLOAD_MAX_CHARACTERS = 65536

export interface DeadLetter {
  readonly source: ReportedAs
  readonly reason: DeadLetterReason
  /** A message that names the field. */
  readonly error: string
  /** Without credentials. */
  readonly payload: string
  /** Address the request came from. */
  readonly remoteIp: string
  /** The name of the credential; empty: none. */
  readonly sender: string
}

export const DEAD_LETTER_FIELDS: FieldNames<'dead_letters'> = [
  'source',
  'reason',
  'error',
  'payload',
  'remote_ip',
  'sender',
]

/** Appends DEAD_LETTER_FIELDS, which follow the identity. */
export function encodeDeadLetter(cursor: Cursor, letter: DeadLetter): void {
  cursor.string(letter.source)
  cursor.string(letter.reason)
  cursor.string(letter.error)
  cursor.string(letter.payload.slice(0, PAYLOAD_MAX_CHARACTERS))
  cursor.string(letter.remoteIp)
  cursor.string(letter.sender)
}

/** Upper bound for the encoded size: a UTF-16 unit takes at most 3 bytes of UTF-8. */
export function deadLetterBytes(letter: DeadLetter): number {
  const { error, payload, remoteIp, sender } = letter
  const texts = error.length + Math.min(payload.length, PAYLOAD_MAX_CHARACTERS) + remoteIp.length + sender.length
  return 64 + 3 * texts
}
