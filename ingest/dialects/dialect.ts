/*
 * Gateways that report many clients in one POST (docs/gateways.md). A dialect defines the form of the body and of the answer; the
 * meaning of a client's report is the same for all.
 */

/** A parsed body. */
export interface CountersBody {
  /** The report of each client, as the parameters of a GET auth request without `stage`. */
  readonly clients: readonly JsonObject[]
  /** The body of the answer, given one code per client in their order. */
  answer(codes: readonly number[]): string
}

/** Says what is wrong with a body, naming the field. */
export class DialectError extends Error {}

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

/** An array of objects. @throws DialectError */
export function objects(value: unknown, name: string): JsonObject[] {
  if (!Array.isArray(value)) throw new DialectError(`${name} is not an array`)
  for (const [index, entry] of value.entries()) {
    if (!isObject(entry)) throw new DialectError(`${name}[${index}] is not an object`)
  }
  return value as JsonObject[]
}
