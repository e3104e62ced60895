import { z } from '@hono/zod-openapi'
import { normalMac } from '../../../common/mac.ts'

/* Parameters of several routes. An empty one counts as not given, since forms send all their fields. */

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
