export { startSqlEndpoint, type SqlEndpoint } from './endpoint.ts'
export { DEFAULT_LIMITS, type SqlEndpointOptions, type SqlLimits } from './options.ts'
export { engineRoles } from './roles.ts'
export type { SqlStats } from './stats.ts'
