import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { AuditEntry, AuditLog } from '../../store/audit-log.ts'
import type { Access } from './access.ts'
import type { Environment } from './environment.ts'
import type { DashboardOptions } from './options.ts'

/** Services that routes use. */
export interface Dashboard {
  readonly app: OpenAPIHono<Environment>
  readonly options: DashboardOptions
  readonly access: Access
  readonly auditLog: AuditLog
}

/** @throws GatepostError of the store: the action must then not be carried out */
export async function audit(
  { auditLog }: Dashboard,
  c: Context<Environment>,
  action: AuditEntry['action'],
  subject: string,
): Promise<void> {
  await auditLog.record(entryOf(c, action, subject), new Date())
}

/** As audit(), for a page that asks again every few seconds. */
export async function auditOnce(
  { auditLog }: Dashboard,
  c: Context<Environment>,
  action: AuditEntry['action'],
  subject: string,
): Promise<void> {
  await auditLog.recordOnce(entryOf(c, action, subject), new Date())
}

function entryOf(c: Context<Environment>, action: AuditEntry['action'], subject: string): AuditEntry {
  return { who: c.get('who'), action, subject, remoteIp: c.get('address') }
}
