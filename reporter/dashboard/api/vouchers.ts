import { createRoute, z } from '@hono/zod-openapi'
import { qrPath, qrText, termsInWords } from '../../../access/voucher-sheet.ts'
import type { VoucherState } from '../../../access/vouchers.ts'
import { audit, type Dashboard } from '../context.ts'
import { requireOperator } from '../guard.ts'
import type { VoucherDesk } from '../options.ts'
import { problem, Refusal, REFUSALS } from '../problem.ts'
import { noQuery, offsetOf, pageNumber, queryOf, TOTAL_COUNT, totalCount } from './parameters.ts'

/* Vouchers of the portal: available only if this process can reach the access log and has the installation's secret. */

/** More are made by the command, which prints them into a file. */
const MAX_COUNT = 200
const MAX_LISTED = 500
const YEAR_SECONDS = 366 * 86_400

const seconds = z.number().int().min(60).max(YEAR_SECONDS)
const order = z
  .object({
    count: z.number().int().min(1).max(MAX_COUNT),
    valid_for_seconds: seconds,
    max_devices: z.number().int().min(1).max(100).default(1),
    wins: z.enum(['first', 'newest']).default('first'),
    session_seconds: seconds.optional(),
    quota_bytes: z.number().int().min(1).optional(),
    label: z.string().max(100).default(''),
    url: z
      .url({ protocol: /^http$/ })
      .max(200)
      .optional()
      .openapi({ description: 'A page with http whose call leads to the portal: the QR codes open it' }),
  })
  .openapi('VoucherOrder')
const made = z
  .object({
    terms: z.array(z.string()),
    vouchers: z.array(
      z.object({
        id: z.string(),
        code: z.string(),
        qr: z.object({ size: z.number(), path: z.string().openapi({ description: 'The path of an SVG image' }) }),
      }),
    ),
  })
  .openapi('NewVouchers')
const listed = z
  .object({
    id: z.string(),
    label: z.string(),
    state: z.enum(['unused', 'in_use', 'over', 'revoked']),
    devices: z.number(),
    max_devices: z.number(),
    created_at: z.number().openapi({ description: 'ms since the epoch' }),
    ends: z.number().nullable(),
  })
  .openapi('Voucher')

const refusal = (description: string) => ({ description, content: { 'application/json': { schema: problem } } })
const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { 'application/json': { schema } },
})

export function voucherRoutes(dashboard: Dashboard): void {
  const { vouchers } = dashboard.options
  if (vouchers === null) return
  createVouchersRoute(dashboard, vouchers)
  listVouchersRoute(dashboard, vouchers)
  releaseVoucherRoute(dashboard, vouchers)
}

/** `POST /api/vouchers` */
function createVouchersRoute(dashboard: Dashboard, desk: VoucherDesk): void {
  const { app } = dashboard
  const route = createRoute({
    method: 'post',
    path: '/api/vouchers',
    summary: 'Create vouchers',
    description:
      'As `gatepost access vouchers create` does. The answer has the codes, which are shown only once. Takes the role operator; recorded in table audit_log, without the codes.',
    request: { query: noQuery, body: { required: true, content: { 'application/json': { schema: order } } } },
    responses: {
      200: json(made, 'The vouchers, to print'),
      403: refusal('This takes the role operator'),
      ...REFUSALS,
    },
  })
  app.openapi(route, async (c) => {
    const asked = c.req.valid('json')
    const subject = `count=${asked.count}&label=${encodeURIComponent(asked.label)}`
    requireOperator(dashboard, c, subject)
    await audit(dashboard, c, 'vouchers_created', subject)
    const terms = {
      validForMs: asked.valid_for_seconds * 1000,
      maxDevices: asked.max_devices,
      sessionMs: asked.session_seconds === undefined ? undefined : asked.session_seconds * 1000,
      quotaBytes: asked.quota_bytes,
    }
    const vouchers = await desk.create({
      ...terms,
      count: asked.count,
      label: asked.label,
      wins: asked.wins,
      now: Date.now(),
    })
    const printed = vouchers.map(({ id, code }) => ({ id, code, qr: qrPath(qrText(code, asked.url ?? null)) }))
    return c.json({ terms: termsInWords(terms), vouchers: printed }, 200)
  })
}

/** `GET /api/vouchers` */
function listVouchersRoute({ app }: Dashboard, desk: VoucherDesk): void {
  const route = createRoute({
    method: 'get',
    path: '/api/vouchers',
    summary: 'Vouchers, the newest first, without their codes',
    request: { query: queryOf({ page: pageNumber() }) },
    responses: { 200: { ...json(z.array(listed), `${MAX_LISTED} vouchers`), headers: totalCount }, ...REFUSALS },
  })
  app.openapi(route, async (c) => {
    const all = await desk.list()
    const first = offsetOf({ page: c.req.valid('query').page, limit: MAX_LISTED })
    const shown = [...all].reverse().slice(first, first + MAX_LISTED)
    return c.json(shown.map(rowOf), 200, { [TOTAL_COUNT]: String(all.length) })
  })
}

/** `POST /api/vouchers/{id}/release` */
function releaseVoucherRoute(dashboard: Dashboard, desk: VoucherDesk): void {
  const { app } = dashboard
  const route = createRoute({
    method: 'post',
    path: '/api/vouchers/{id}/release',
    summary: "Free the places of a voucher's devices",
    description:
      'As `gatepost access vouchers release` does: its sessions are cut off. Takes the role operator; recorded in table audit_log.',
    request: { params: z.object({ id: z.string().regex(/^[0-9a-f]{24}$/) }), query: noQuery },
    responses: {
      200: json(z.object({ released: z.number() }), 'How many devices'),
      403: refusal('This takes the role operator'),
      404: refusal('There is no such voucher'),
      ...REFUSALS,
    },
  })
  app.openapi(route, async (c) => {
    const { id } = c.req.valid('param')
    requireOperator(dashboard, c, `voucher:${id}`)
    await audit(dashboard, c, 'voucher_released', `voucher:${id}`)
    const released = await desk.release(id)
    if (released === null) throw new Refusal(404, 'there is no such voucher')
    return c.json({ released }, 200)
  })
}

function rowOf({ id, label, state, devices, maxDevices, createdAt, ends }: VoucherState) {
  return { id, label, state, devices, max_devices: maxDevices, created_at: createdAt, ends }
}
