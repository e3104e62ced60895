import { isLoopback } from '../../common/ip-address.ts'
import { retentionProblems, type RetentionValues } from './retention.ts'
import { VARIABLES } from './variables.ts'

/*
 * Rules across variables. They only see values that parsed, so that one mistake is reported once: a value that is missing here is unset, or
 * invalid and already reported.
 */

type Values = Readonly<Record<string, unknown>>

/** Conflicts between variables, one line each. */
export function ruleProblems(values: Values): string[] {
  return [
    ...portProblems(values),
    ...privateBindProblems(values),
    ...sqlUsersProblems(values),
    ...tlsProblems(values),
    ...kafkaTlsProblems(values),
    ...kafkaLoginProblems(values),
    ...clusterProblems(values),
    ...loginProblems(values),
    ...publishProblems(values),
    ...pseudonymProblems(values),
    ...daysProblems(values),
  ]
}

function pseudonymProblems({ pseudonymiseAfterDays: after, pseudonymSecret, retentionDays }: Values): string[] {
  if (typeof after !== 'number') return []
  const problems: string[] = []
  if (pseudonymSecret === undefined)
    problems.push('GATEPOST_PSEUDONYM_SECRET is not set, GATEPOST_PSEUDONYMISE_AFTER_DAYS needs it')
  if (typeof retentionDays === 'number' && after >= retentionDays) {
    problems.push(
      `GATEPOST_PSEUDONYMISE_AFTER_DAYS=${after}: no record is kept longer than GATEPOST_RETENTION_DAYS=${retentionDays}; ` +
        'allowed is a number of days below it',
    )
  }
  return problems
}

function daysProblems(values: Values): string[] {
  return typeof values['retentionDays'] === 'number' ? retentionProblems(values as unknown as RetentionValues) : []
}

function portProblems(values: Values): string[] {
  const owners = new Map<unknown, string>()
  const problems: string[] = []
  for (const key of ['gatewayPort', 'ingestPort', 'sqlPort', 'dashboardPort', 'metricsPort'] as const) {
    const port = values[key]
    if (typeof port !== 'number' || port === 0) continue
    const name = VARIABLES[key].env
    const owner = owners.get(port)
    if (owner === undefined) owners.set(port, name)
    else problems.push(`${name}=${port}: ${owner} already uses that port; allowed is a port of its own`)
  }
  return problems
}

/** A ClickHouse server guards its data itself; then this address serves only /metrics, /healthz and /readyz. */
function privateBindProblems({ privateBind, sqlPassword, clickhouseUrl }: Values): string[] {
  if (typeof privateBind !== 'string' || isLoopback(privateBind)) return []
  if (sqlPassword !== undefined || clickhouseUrl !== undefined) return []
  return [
    `GATEPOST_PRIVATE_BIND=${privateBind}: everyone who can reach this address could read all data; ` +
      'allowed is a loopback address, or any address once GATEPOST_SQL_PASSWORD is set',
  ]
}

/** Without it, everybody who may not see all tables could be `default` instead. */
function sqlUsersProblems({ sqlUsers, sqlPassword }: Values): string[] {
  if (typeof sqlUsers !== 'string' || sqlPassword !== undefined) return []
  return [`GATEPOST_SQL_USERS=${sqlUsers}: user default needs a password too; set GATEPOST_SQL_PASSWORD`]
}

function tlsProblems({ tlsCert, tlsKey }: Values): string[] {
  if ((tlsCert === undefined) === (tlsKey === undefined)) return []
  const missing = tlsCert === undefined ? 'GATEPOST_TLS_CERT' : 'GATEPOST_TLS_KEY'
  return [`GATEPOST_TLS_CERT and GATEPOST_TLS_KEY go together: ${missing} is not set`]
}

function kafkaTlsProblems({ kafkaTlsCert, kafkaTlsKey }: Values): string[] {
  if ((kafkaTlsCert === undefined) === (kafkaTlsKey === undefined)) return []
  const missing = kafkaTlsCert === undefined ? 'GATEPOST_KAFKA_TLS_CERT' : 'GATEPOST_KAFKA_TLS_KEY'
  return [`GATEPOST_KAFKA_TLS_CERT and GATEPOST_KAFKA_TLS_KEY go together: ${missing} is not set`]
}

function kafkaLoginProblems({ kafkaSasl, kafkaUsername, kafkaPassword }: Values): string[] {
  if (typeof kafkaSasl !== 'string' || kafkaSasl === 'none') return []
  const needed = { GATEPOST_KAFKA_USERNAME: kafkaUsername, GATEPOST_KAFKA_PASSWORD: kafkaPassword }
  return Object.entries(needed).flatMap(([name, value]) =>
    value === undefined ? [`${name} is not set, GATEPOST_KAFKA_SASL=${kafkaSasl} needs it`] : [],
  )
}

function clusterProblems({ clickhouseCluster, clickhouseUrl }: Values): string[] {
  if (clickhouseCluster === undefined || clickhouseUrl !== undefined) return []
  return [
    'GATEPOST_CLICKHOUSE_CLUSTER is set, but GATEPOST_CLICKHOUSE_URL is not: the embedded store has no cluster; ' +
      'set the URL of one of its servers, or leave the cluster unset',
  ]
}

/** The variables that each login method requires. */
function loginProblems(values: Values): string[] {
  const { login, smtpUrl, smtpFrom, loginWebhookUrl, loginWebhookSecret } = values
  const needed = {
    account: { GATEPOST_SMTP_URL: smtpUrl, GATEPOST_SMTP_FROM: smtpFrom },
    code: {
      GATEPOST_CODE_WEBHOOK_URL: values['codeWebhookUrl'],
      GATEPOST_CODE_WEBHOOK_SECRET: values['codeWebhookSecret'],
    },
    oidc: {
      GATEPOST_OIDC_ISSUER: values['oidcIssuer'],
      GATEPOST_OIDC_CLIENT_ID: values['oidcClientId'],
      GATEPOST_OIDC_CLIENT_SECRET: values['oidcClientSecret'],
      GATEPOST_PORTAL_URL: values['portalUrl'],
    },
    webhook: { GATEPOST_LOGIN_WEBHOOK_URL: loginWebhookUrl, GATEPOST_LOGIN_WEBHOOK_SECRET: loginWebhookSecret },
  }
  const methods = Array.isArray(login) ? (login as unknown[]) : []
  return Object.entries(needed).flatMap(([method, variables]) =>
    Object.entries(variables).flatMap(([name, value]) =>
      value === undefined && methods.includes(method)
        ? [`${name} is not set, GATEPOST_LOGIN=${methods.join(',')} needs it for ${method}`]
        : [],
    ),
  )
}

/** The variables that each publisher requires. */
const PUBLISHER_NEEDS = {
  'performance-platform': ['performanceUrl', 'performanceDataset'],
  'metrics-api': ['metricsApiUrl', 'metricsApiToken'],
  s3: ['s3Url', 's3Bucket'],
  opensearch: ['opensearchUrl'],
  file: ['publishDir'],
  stdout: [],
} as const

function publishProblems(values: Values): string[] {
  const names = (values['publish'] ?? []) as (keyof typeof PUBLISHER_NEEDS)[]
  const missing = names.flatMap((name) =>
    PUBLISHER_NEEDS[name]
      .filter((key) => values[key] === undefined)
      .map((key) => `${VARIABLES[key].env} is not set, GATEPOST_PUBLISH=${name} needs it`),
  )
  const { s3AccessKeyId, s3SecretAccessKey } = values
  if ((s3AccessKeyId === undefined) !== (s3SecretAccessKey === undefined)) {
    missing.push('GATEPOST_S3_ACCESS_KEY_ID and GATEPOST_S3_SECRET_ACCESS_KEY go together: one of them is not set')
  }
  return missing
}
