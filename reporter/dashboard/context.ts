import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { recordAudit, type AuditEntry } from './audit.ts'
import type { Access } from './access.ts'
import type { Environment } from './environment.ts'
import type { DashboardOptions } from './options.ts'

/** Services that routes use. */
export interface Dashboard {
  readonly app: OpenAPIHono<Environment>
  readonly options: DashboardOptions
  readonly access: Access
}

/** @throws GatepostError of the store: the action must then not be carried out */
export async function audit(
  { options }: Dashboard,
  c: Context<Environment>,
  action: AuditEntry['action'],
  subject: string,
): Promise<void> {
  await recordAudit(options.store, { who: c.get('who'), action, subject, remoteIp: c.get('address') }, new Date())
}
