import { z } from '@hono/zod-openapi'
import { normalMac } from '../../../common/mac.ts'

/* Parameters of several routes. An empty one counts as not given, since forms send all their fields. */

/** The query of a route: another parameter, or one that is given twice, is refused, so that the audit log holds all that was asked. */
export const queryOf = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape)

export const noQuery = queryOf({})

/** Validated parameters as one text in which a person's name is found (privacy/places.ts): `user=alice%20b&days=7`. */
export function canonical(parameters: Readonly<Record<string, unknown>>): string {
  return Object.entries(parameters)
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([name, value]) => `${name}=${encodeURIComponent(value === true ? '1' : String(value))}`)
    .join('&')
}

const orNothing = (value: unknown) => (value === '' ? undefined : value)

export const text = z.preprocess(orNothing, z.string().max(256).optional()).openapi({ type: 'string' })

/** In the normal form. */
export const mac = z
  .preprocess(
    orNothing,
    z
      .string()
      .transform((value, context) => {
        const normal = normalMac(value)
        if (normal === '') context.addIssue({ code: 'custom', message: 'not a MAC, such as 50:a6:7f:84:9c:d1' })
        return normal
      })
      .optional(),
  )
  .openapi({ type: 'string', example: '50:a6:7f:84:9c:d1' })

export const flag = z
  .preprocess(orNothing, z.enum(['0', '1']).optional())
  .transform((value) => value === '1')
  .openapi({ type: 'string', enum: ['0', '1'] })

/** Which part of a list: the first one is 1. The dashboard links to no later ones (web/dom.js). */
export const pageNumber = (most = 1000) => whole(1, most)

/** How many rows there are on the pages before this one. */
export const offsetOf = ({ page, limit }: { readonly page: number; readonly limit: number }) => (page - 1) * limit

/** The header that says how many rows there are on all pages, where the body is a list. */
export const TOTAL_COUNT = 'X-Total-Count'

export const totalCount = z.object({
  [TOTAL_COUNT]: z.number().openapi({ description: 'How many there are on all pages' }),
})

/** A whole number as a query parameter. */
export const whole = (usual: number, most: number) =>
  z
    .preprocess(orNothing, z.coerce.number().int().min(1).max(most).default(usual))
    .openapi({ type: 'integer', minimum: 1, maximum: most, default: usual })
