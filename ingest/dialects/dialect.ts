import { MAX_CLIENTS, MAX_ID_CHARACTERS, PARAMETER_CHARACTERS } from '../limits.ts'

/*
 * Gateways that report many clients in one POST (docs/gateways.md). A dialect defines the form of the body and of the answer; the
 * meaning of a client's report is the same for all.
 */

/** A parsed body. */
export interface CountersBody {
  /**
   * The report of each client, as the parameters of a GET auth request without `stage`. Made one after the other, so that a large body can be
   * handled in slices. PRECONDITION: at most MAX_CLIENTS.
   */
  readonly clients: Iterable<JsonObject>
  /** The machine and its gateways, if the body names both. */
  readonly machine?: { readonly deviceId: unknown; readonly gwIds: readonly unknown[] }
  /** The body of the answer, given one code per client in their order. */
  answer(codes: readonly number[]): string
}

/** Says what is wrong with a body, naming the field. */
export class DialectError extends Error {
  readonly reason: 'missing_field' | 'field_too_long' | 'too_many_clients'

  constructor(message: string, reason: DialectError['reason'] = 'missing_field') {
    super(message)
    this.reason = reason
  }
}

export interface Dialect {
  /** The value of the request's parameter `stage`. */
  readonly stage: string
  /** Whether a body belongs to this dialect, not to another one with the same stage. */
  recognises(body: JsonObject): boolean
  /**
   * Parses a body.
   * @throws DialectError
   */
  read(body: JsonObject, query: URLSearchParams): CountersBody
}

export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An array of at most `most` objects. @throws DialectError */
export function objects(value: unknown, name: string, most = MAX_CLIENTS): JsonObject[] {
  if (!Array.isArray(value)) throw new DialectError(`${name} is not an array`)
  if (value.length > most) throw new DialectError(`${name} has more than ${most} entries`, 'too_many_clients')
  for (const [index, entry] of value.entries()) {
    if (!isObject(entry)) throw new DialectError(`${name}[${index}] is not an object`)
  }
  return value as JsonObject[]
}

/** A value that all clients of a gateway share, such as gw_id: a short text, a number, or nothing. @throws DialectError */
export function shared(value: unknown, name: string): unknown {
  if (typeof value === 'object' && value !== null) throw new DialectError(`${name} is not a text`)
  const most = PARAMETER_CHARACTERS.gw_id
  if (typeof value === 'string' && value.length > most) {
    throw new DialectError(`${name} has more than ${most} characters`, 'field_too_long')
  }
  return value
}

/** An id that the answer returns as it was sent. @throws DialectError */
export function checkId(id: unknown, name: string): void {
  if (typeof id !== 'number' && typeof id !== 'string') throw new DialectError(`${name} is missing`)
  if (typeof id === 'string' && id.length > MAX_ID_CHARACTERS) {
    throw new DialectError(`${name} has more than ${MAX_ID_CHARACTERS} characters`, 'field_too_long')
  }
}

/** The reports of clients, each made when it is asked for. */
export function* reports(
  clients: readonly JsonObject[],
  report: (client: JsonObject) => JsonObject,
): Iterable<JsonObject> {
  for (const client of clients) yield report(client)
}
