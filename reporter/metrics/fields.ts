import { z } from 'zod'

/** The value of a metric's field. */
export type FieldValue = number | string | null

/** The engine writes 64-bit integers as text. A count beyond 2^53 would be an error in the query. */
export const integer = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^-?\d+$/)
      .transform(Number),
  ])
  .pipe(z.number().int())

export const count = integer.pipe(z.number().nonnegative())

/** The same check under several names. */
export function all<const Names extends readonly string[], Type extends z.ZodType>(
  names: Names,
  type: Type,
): Record<Names[number], Type> {
  return Object.fromEntries(names.map((name) => [name, type])) as Record<Names[number], Type>
}
