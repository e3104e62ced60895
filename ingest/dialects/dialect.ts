/*
 * Gateways that report many clients in one POST (PROTOCOLS.md, section 2). A dialect knows how such a body looks and how its gateways
 * parse the answer; what a client's report means is the same for all.
 */

/** A body of a dialect. */
export interface CountersBody {
  /** Each client's report, as the parameters of a GET auth request without `stage`. */
  readonly clients: readonly JsonObject[]
  /** The answer's body, of one code for each client in their order. */
  answer(codes: readonly number[]): string
}

/** What is wrong with a body, naming the field. */
export class DialectError extends Error {}

export interface Dialect {
  /** As in the parameter `stage` of the request. */
  readonly stage: string
  /** Whether a body is of this dialect rather than another one with the same stage. */
  recognises(body: JsonObject): boolean
  /**
   * Reads a body.
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
