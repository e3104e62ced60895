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

/** A whole number as a query parameter. */
export const whole = (usual: number, most: number) =>
  z
    .preprocess(orNothing, z.coerce.number().int().min(1).max(most).default(usual))
    .openapi({ type: 'integer', minimum: 1, maximum: most, default: usual })
