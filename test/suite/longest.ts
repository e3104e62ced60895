/** The test files that take longest, the longest first. Where they stand here decides only when they begin; what is missing begins later. */
export const LONGEST: readonly string[] = [
  'jobs/sessions/test/sessions-job.test.ts',
  'store/server/test/contract.test.ts',
  'portal/test/limits.test.ts',
  'log/kafka/client/test/group.test.ts',
  'reporter/metrics/test/login-calendar.test.ts',
  'privacy/test/files.test.ts',
  'jobs/disconnects/test/disconnect-job.test.ts',
  'cli/test/cli.test.ts',
  'access/test/kafka-log.test.ts',
  'jobs/sessions/test/radius-sessions.test.ts',
  'reporter/dashboard/test/api.test.ts',
]
