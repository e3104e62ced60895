import { retentionOf } from '../../../store/retention.ts'
import type { DashboardOptions } from '../options.ts'

/** A dashboard for this machine alone, without passwords. What it can do is given by each test. */
export const USUAL = {
  host: '127.0.0.1',
  port: 0,
  allowedHosts: [],
  trustedProxies: [],
  certificate: null,
  password: undefined,
  viewerPassword: undefined,
  retention: retentionOf(32),
  refused: () => Promise.resolve([{ kind: 'record', of: 'post_auth', reason: 'LOG_FULL', count: 3 }]),
  disconnects: true,
} satisfies Partial<DashboardOptions>
