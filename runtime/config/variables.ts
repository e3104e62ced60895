import { OIDC_VARIABLES } from './oidc-variables.ts'
import { LOGIN_METHODS } from '../../access/login-methods.ts'
import { DAYS_BY_TABLE_ALLOWED, daysByTable, retentionDays } from './retention.ts'
import {
  addressBlocks,
  bindAddress,
  clusterName,
  duration,
  fileOrUrl,
  hostNames,
  integer,
  listOf,
  mailAddress,
  oneOf,
  path,
  port,
  secretText,
  shortText,
  size,
  url,
  userName,
} from './values.ts'
import { BACKUP_VARIABLES } from './backup-variables.ts'
import { KAFKA_VARIABLES } from './kafka-variables.ts'
import { PUBLISH_VARIABLES } from './publish-variables.ts'
import { TLS_VARIABLES } from './tls-variables.ts'
import { HTTP_URL, optional, withDefault, type Variable } from './variable.ts'
import { WRITER_VARIABLES } from './writer-variables.ts'

const KiB = 2 ** 10
const TiB = 2 ** 40
const SECOND = 1000
const HOUR = 3600 * SECOND
const DAY = 24 * HOUR

const PORT = 'a port, 0 to 65535; 0 takes any free one'
const ADDRESS = 'an IPv4 or IPv6 address of this machine, or localhost'

/**
 * Every option of Gatepost, in the order in which users meet them. Names are a stable interface: add, never rename.
 * The key is the option's name in Config, where durations are in milliseconds and sizes in bytes.
 */
export const VARIABLES = {
  dataDir: withDefault('GATEPOST_DATA_DIR', './data', path, {
    description:
      'Directory of the journal, or with Kafka of the spill, of the embedded store and of the generated secret.',
    allowed: 'a path',
  }),
  user: optional('GATEPOST_USER', userName, {
    description:
      'User whose rights a command takes that root starts. The data directory must be writable for that user, and ports below 1024 are not for it.',
    allowed: 'the name of a user of this machine',
    unset: '(unset: whoever starts it)',
  }),
  bind: withDefault('GATEPOST_BIND', '127.0.0.1', bindAddress, {
    description: 'Address of the gateway and bulk listeners.',
    allowed: ADDRESS,
  }),
  gatewayPort: withDefault('GATEPOST_GATEWAY_PORT', '8000', port, {
    description: 'Port of the gateway listener, for WiFiDog gateways and browsers.',
    allowed: PORT,
  }),
  ingestPort: withDefault('GATEPOST_INGEST_PORT', '8080', port, {
    description: 'Port of the bulk listener: RADIUS servers and load balancers.',
    allowed: PORT,
  }),
  ...WRITER_VARIABLES,
  ...TLS_VARIABLES,
  trustedProxies: optional('GATEPOST_TRUSTED_PROXIES', addressBlocks, {
    description:
      'Proxies whose X-Forwarded-For and X-Forwarded-Proto headers the listeners, the dashboard and the SQL endpoint trust.',
    allowed: 'comma-separated IP addresses and CIDR blocks, such as 10.0.0.0/8,2001:db8::1',
    unset: '(none)',
  }),
  maxConnections: optional('GATEPOST_MAX_CONNECTIONS', integer(16, 1_000_000), {
    description: 'Connections that each listener of a worker takes; more are closed at once.',
    allowed: 'a whole number, 16 to 1000000',
    unset: '(half of what the limit of open files leaves after 256, at most 20000)',
  }),
  maxConnectionsPerAddress: withDefault('GATEPOST_MAX_CONNECTIONS_PER_ADDRESS', '1000', integer(1, 1_000_000), {
    description:
      'Connections of one IPv4 address, or one /64 of IPv6, to each listener of a worker; never more than a quarter of all. Trusted proxies have no such limit. Gateways behind one NAT share an address.',
    allowed: 'a whole number, 1 to 1000000',
  }),
  maxBodyBytes: withDefault('GATEPOST_UNFINISHED_BODIES_MAX_BYTES', '64 MiB', size(1024 * KiB, TiB), {
    description:
      'Bytes of unfinished request bodies and heads that a worker holds, a quarter of them from one address.',
    allowed: 'a size of at least 1 MiB, such as 64MiB or plain bytes',
  }),
  privateBind: withDefault('GATEPOST_PRIVATE_BIND', '127.0.0.1', bindAddress, {
    description:
      'Address of the SQL endpoint, the dashboard and the metrics. Beyond loopback it needs GATEPOST_SQL_PASSWORD where there is an SQL endpoint, and GATEPOST_DASHBOARD_PASSWORD or GATEPOST_DASHBOARD_VIEWER_PASSWORD where there is the dashboard.',
    allowed: ADDRESS,
  }),
  allowedHosts: optional('GATEPOST_ALLOWED_HOSTS', hostNames, {
    description:
      'Host names under which the SQL endpoint and the dashboard may be reached, besides localhost and their address.',
    allowed: 'comma-separated host names without ports',
    unset: '(none)',
  }),
  sqlPort: withDefault('GATEPOST_SQL_PORT', '8123', port, {
    description: 'Port of the SQL endpoint of the embedded store (ClickHouse HTTP interface).',
    allowed: PORT,
  }),
  sqlPassword: optional('GATEPOST_SQL_PASSWORD', secretText(8), {
    description:
      'Password of user `default` of the SQL endpoint, who only reads. Needed once the dashboard has a password.',
    allowed: 'at least 8 characters',
    secret: 'whole',
  }),
  sqlAdminPassword: optional('GATEPOST_SQL_ADMIN_PASSWORD', secretText(8), {
    description: 'Password of user `admin` of the SQL endpoint, who may write and change tables.',
    allowed: 'at least 8 characters',
    unset: '(unset: no such user)',
    secret: 'whole',
  }),
  sqlUsers: optional('GATEPOST_SQL_USERS', path, {
    description:
      'File of further users of the SQL endpoint, who read a part of the tables (YAML). Needs GATEPOST_SQL_PASSWORD.',
    allowed: 'a path',
    unset: '(none)',
  }),
  dashboardPort: withDefault('GATEPOST_DASHBOARD_PORT', '3000', port, {
    description: 'Port of the dashboard and report API.',
    allowed: PORT,
  }),
  dashboardPassword: optional('GATEPOST_DASHBOARD_PASSWORD', secretText(8), {
    description:
      'Password of operators of the dashboard, who may view everything and cut off sessions. It is also a bearer token of the report API.',
    allowed: 'at least 8 characters',
    unset: '(unset: if both passwords are unset, no login is needed)',
    secret: 'whole',
  }),
  dashboardViewerPassword: optional('GATEPOST_DASHBOARD_VIEWER_PASSWORD', secretText(8), {
    description: 'Password of viewers of the dashboard, who may only view.',
    allowed: 'at least 8 characters',
    unset: '(unset: no such role)',
    secret: 'whole',
  }),
  metricsPort: withDefault('GATEPOST_METRICS_PORT', '9464', port, {
    description: 'Port of /metrics, /healthz and /readyz.',
    allowed: PORT,
  }),
  workers: withDefault('GATEPOST_WORKERS', '1', integer(1, 256), {
    description: 'Ingest worker processes.',
    allowed: 'a whole number, 1 to 256',
  }),
  ack: withDefault('GATEPOST_ACK', 'durable', oneOf('durable', 'fast'), {
    description: 'When pings and counters are answered: after their record is durable (durable), or at once (fast).',
    allowed: 'durable or fast',
  }),
  authMode: withDefault('GATEPOST_AUTH_MODE', 'signed', oneOf('signed', 'open'), {
    description:
      'Unknown tokens are denied (signed), or everything not denied is allowed (open: another system issues tokens).',
    allowed: 'signed or open',
  }),
  login: withDefault('GATEPOST_LOGIN', 'click', listOf(...LOGIN_METHODS), {
    description: 'Login methods of the portal, in the order in which its page shows them.',
    allowed: `comma-separated, of ${LOGIN_METHODS.join(', ')}`,
  }),
  loginWebhookUrl: optional('GATEPOST_LOGIN_WEBHOOK_URL', url('http', 'https'), {
    description: 'Service that accepts or rejects logins of the method webhook; with GATEPOST_LOGIN_WEBHOOK_SECRET.',
    allowed: HTTP_URL,
    secret: 'url',
  }),
  loginWebhookSecret: optional('GATEPOST_LOGIN_WEBHOOK_SECRET', secretText(16), {
    description: 'Key with which the requests to that service are signed.',
    allowed: 'at least 16 characters',
    secret: 'whole',
  }),
  codeWebhookUrl: optional('GATEPOST_CODE_WEBHOOK_URL', url('http', 'https'), {
    description:
      'Service that sends one-time codes and checks them, for the method code; with GATEPOST_CODE_WEBHOOK_SECRET.',
    allowed: HTTP_URL,
    secret: 'url',
  }),
  codeWebhookSecret: optional('GATEPOST_CODE_WEBHOOK_SECRET', secretText(16), {
    description: 'Key with which the requests to that service are signed.',
    allowed: 'at least 16 characters',
    secret: 'whole',
  }),
  loginWebhookTimeoutMs: withDefault('GATEPOST_LOGIN_WEBHOOK_TIMEOUT', '5s', duration(100, 30 * SECOND), {
    description:
      'How long the services of the methods webhook and code may take to answer; after that the page says that logging in is not possible at the moment.',
    allowed: 'a duration from 100ms to 30s',
  }),
  ...OIDC_VARIABLES,
  portalDir: optional('GATEPOST_PORTAL_DIR', path, {
    description: 'Directory of templates, texts and a logo that replace those of the portal.',
    allowed: 'a path',
  }),
  portalLooks: optional('GATEPOST_PORTAL_LOOKS', path, {
    description:
      'File of looks of the portal for some gateways: templates, texts, logo, colours, methods and terms (YAML).',
    allowed: 'a path',
    unset: '(unset: the same everywhere)',
  }),
  landingUrl: optional('GATEPOST_LANDING_URL', url('http', 'https'), {
    description:
      'The page that guests go on to, instead of the one that they wanted; also told to devices that ask the captive portal API (venue-info-url). A gateway may have its own (gatepost gateways register --landing).',
    allowed: 'a URL with http or https',
    unset: '(unset: the page that they wanted)',
  }),
  rememberDeviceMs: optional('GATEPOST_REMEMBER_DEVICE', duration(60 * SECOND, 366 * DAY), {
    description:
      'How long a device that logged in goes online again without logging in, at gateways that are registered with their sources. It is known by its MAC.',
    allowed: 'a duration from 60s to 366d',
    unset: '(unset: devices log in each time)',
  }),
  rememberedLogin: withDefault('GATEPOST_REMEMBERED_LOGIN', 'click', oneOf('click', 'automatic'), {
    description:
      'How a device that GATEPOST_REMEMBER_DEVICE knows goes online again: with one click on the login page, or by itself when it asks for that page.',
    allowed: 'click, or automatic',
  }),
  portalUrl: optional('GATEPOST_PORTAL_URL', url('http', 'https'), {
    description:
      'Where browsers reach the portal, with the prefix of its paths if there is one: the address of the links in its mails. It is not taken from requests, whose sender could write anything there.',
    allowed: 'a URL with http or https',
    unset: '(unset: mails have a code and no link)',
  }),
  termsVersion: withDefault('GATEPOST_TERMS_VERSION', '1', shortText, {
    description: 'Version of the terms of use that the portal shows: it is recorded with every login.',
    allowed: 'a text of at most 64 characters',
  }),
  secret: optional('GATEPOST_SECRET', secretText(16), {
    description: 'Key of the tokens: the same for every process of an installation. With Kafka it must be set.',
    allowed: 'at least 16 characters',
    unset: '(generated into the data directory)',
    secret: 'whole',
  }),
  secondSecret: optional('GATEPOST_SECRET_SECOND', secretText(16), {
    description:
      'Second key whose tokens are valid too. To change GATEPOST_SECRET, restart every process three times: with the new key here; with the two exchanged; when the last session has ended, without the old one.',
    allowed: 'at least 16 characters',
    secret: 'whole',
  }),
  journalMaxBytes: withDefault('GATEPOST_JOURNAL_MAX_BYTES', '10 GiB', size(64 * KiB, 1024 * TiB), {
    description:
      'Maximum size of the journal on disk; with Kafka, of the spill (records that Kafka does not accept in time).',
    allowed: 'a size of at least 64 KiB, such as 512MiB, 10 GiB or plain bytes',
  }),
  segmentMaxBytes: withDefault('GATEPOST_SEGMENT_MAX_BYTES', '64 MiB', size(4 * KiB, TiB), {
    description: 'Size at which a segment of the journal is sealed.',
    allowed: 'a size of at least 4 KiB, such as 64 MiB or plain bytes',
  }),
  segmentMaxMs: withDefault('GATEPOST_SEGMENT_MAX_MS', '400ms', duration(10, 500), {
    description: 'Age at which a segment of the journal is sealed and goes to the store.',
    allowed: 'a duration from 10ms to 500ms',
  }),
  archiveMaxBytes: withDefault('GATEPOST_ARCHIVE_MAX_BYTES', '0', size(0, 1024 * TiB), {
    description:
      'Maximum size of the archive: stored segments of the journal, kept in archive/ of the data directory for `gatepost replay --archive`. The oldest are removed first; none is kept longer than the rows of its table. 0 keeps nothing.',
    allowed: 'a size, such as 5 GiB or plain bytes; 0 for none',
  }),
  drainTimeoutMs: withDefault('GATEPOST_DRAIN_TIMEOUT', '30s', duration(SECOND, HOUR), {
    description:
      'How long a stop (SIGTERM) may take to store accepted records; the rest stays in the journal, in Kafka or in the spill.',
    allowed: 'a duration from 1s to 1h',
  }),
  hungAfterMs: withDefault('GATEPOST_HUNG_AFTER', '30s', duration(2 * SECOND, HOUR), {
    description:
      'A process of Gatepost whose event loop, or whose engine, gives no sign of life for this long is killed and started again; while it starts, ten times as long is allowed.',
    allowed: 'a duration from 2s to 1h',
  }),
  retentionDays: withDefault('GATEPOST_RETENTION_DAYS', '32', retentionDays, {
    description: 'Days after which raw records are deleted.',
    allowed: 'a whole number of days, 1 to 3650',
  }),
  retentionDaysByTable: optional('GATEPOST_RETENTION_DAYS_BY_TABLE', daysByTable, {
    description:
      'Retention of single tables, such as post_auth=400,gateway_pings=14,dead_letters=90. A table derived from another one has its retention, unless it is named itself.',
    allowed: DAYS_BY_TABLE_ALLOWED,
    unset: '(unset: one time for all)',
  }),
  pseudonymiseAfterDays: optional('GATEPOST_PSEUDONYMISE_AFTER_DAYS', integer(2, 3650), {
    description:
      'Days after which people are no longer named: raw records and other personal data are deleted by then, and logins are kept under pseudonyms for GATEPOST_RETENTION_DAYS; with GATEPOST_PSEUDONYM_SECRET.',
    allowed: 'a whole number of days, 2 to 3650, less than GATEPOST_RETENTION_DAYS',
    unset: '(unset: no history under pseudonyms)',
  }),
  pseudonymSecret: optional('GATEPOST_PSEUDONYM_SECRET', secretText(16), {
    description:
      'Key of the pseudonyms. Anyone who has it can link pseudonyms to people; after a change everybody gets a new pseudonym.',
    allowed: 'at least 16 characters',
    secret: 'whole',
  }),
  logLevel: withDefault(
    'GATEPOST_LOG_LEVEL',
    'info',
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    {
      description: 'Level of the log on standard error.',
      allowed: 'trace, debug, info, warn, error, fatal or silent',
    },
  ),
  tokenUseWithinMs: withDefault('GATEPOST_TOKEN_USE_WITHIN', '10m', duration(SECOND, 7 * DAY), {
    description: 'How soon a token must be used after the portal issued it.',
    allowed: 'a duration from 1s to 7d',
  }),
  sessionMaxMs: withDefault('GATEPOST_SESSION_MAX', '24h', duration(60 * SECOND, 366 * DAY), {
    description: 'Longest session; after it counters are answered with 0.',
    allowed: 'a duration from 60s to 366d',
  }),
  validationTimeMs: withDefault('GATEPOST_VALIDATION_TIME', '20m', duration(SECOND, 7 * DAY), {
    description: 'How long a user may go online before the e-mail address is confirmed.',
    allowed: 'a duration from 1s to 7d',
  }),
  sessionTimeoutIntervals: withDefault('GATEPOST_SESSION_TIMEOUT_INTERVALS', '3', integer(1, 1000), {
    description: 'Missed counters reports after which a session counts as ended.',
    allowed: 'a whole number, 1 to 1000',
  }),
  roaming: withDefault('GATEPOST_ROAMING', 'off', oneOf('off', 'on'), {
    description:
      'Whether a session follows its device to other gateways that are registered with their sources (wifidog-ng 2).',
    allowed: 'off, or on',
  }),
  gatewayChannel: withDefault('GATEPOST_GATEWAY_CHANNEL', 'off', oneOf('off', 'on'), {
    description:
      'Whether the gateway listener takes the WebSocket of apfree-wifidog, over which a client whose session was ended is removed at once. Only for gateways that are registered with their sources.',
    allowed: 'off, or on',
  }),
  policies: optional('GATEPOST_POLICIES', path, {
    description: 'File of quota policies, and of limits of those who log in at the portal (YAML).',
    allowed: 'a path',
    unset: '(none)',
  }),
  radiusDae: optional('GATEPOST_RADIUS_DAE', path, {
    description:
      'File that says which RADIUS NAS are asked to end sessions that are denied, and how they are reached (Disconnect-Request, RFC 5176; YAML).',
    allowed: 'a path',
    unset: '(none)',
  }),
  ...KAFKA_VARIABLES,
  clickhouseUrl: optional('GATEPOST_CLICKHOUSE_URL', url('http', 'https'), {
    description: 'ClickHouse server of the store, such as http://user:pass@host:8123/gatepost.',
    allowed: HTTP_URL,
    unset: '(unset: embedded store)',
    secret: 'url',
  }),
  clickhouseCluster: optional('GATEPOST_CLICKHOUSE_CLUSTER', clusterName, {
    description:
      'Cluster of the ClickHouse server: tables are created ON CLUSTER, replicated, and read through Distributed tables.',
    allowed: 'a name of letters, digits, _ and -',
    unset: '(unset: one server)',
  }),
  smtpUrl: optional('GATEPOST_SMTP_URL', url('smtp', 'smtps'), {
    description: 'Server for outgoing mail.',
    allowed: 'a URL that begins with smtp:// or smtps://',
    secret: 'url',
  }),
  smtpFrom: optional('GATEPOST_SMTP_FROM', mailAddress, {
    description: 'Sender of outgoing mail.',
    allowed: 'an e-mail address',
  }),
  smtpMailsPerHour: withDefault('GATEPOST_SMTP_MAILS_PER_HOUR', '1000', integer(1, 1_000_000), {
    description:
      'Mails that the portal sends in an hour, shared out among the workers of this instance; a sixth of them may be sent at once. A quarter is kept for gateways that are registered with their addresses, if there are any.',
    allowed: 'a whole number, 1 to 1000000',
  }),
  alertUrl: optional('GATEPOST_ALERT_URL', url('http', 'https'), {
    description: 'URL to which the alerts gateway_down, gateway_up and gateway_same_id are posted.',
    allowed: HTTP_URL,
    // Chat services put the credential into the path, so the whole URL is secret.
    secret: 'whole',
  }),
  alertSecret: optional('GATEPOST_ALERT_SECRET', secretText(16), {
    description: 'Key that signs the alerts.',
    allowed: 'at least 16 characters',
    secret: 'whole',
    unset: '(unset: derived from the token key)',
  }),
  locationsUrl: optional('GATEPOST_IP_LOCATIONS_URL', fileOrUrl, {
    description:
      'File or URL from which the locations of the sites are imported on a schedule, as `gatepost locations import` does. An import that fails changes nothing.',
    allowed: 'a URL that begins with http:// or https://, or the path of a file',
    unset: '(unset: they are imported by hand)',
    secret: 'url',
  }),
  locationsEveryMs: withDefault('GATEPOST_IP_LOCATIONS_EVERY', '24h', duration(60 * SECOND, 31 * DAY), {
    description: 'Interval of the import from GATEPOST_IP_LOCATIONS_URL.',
    allowed: 'a duration from 60s to 31d',
  }),
  ...PUBLISH_VARIABLES,
  ...BACKUP_VARIABLES,
} satisfies Record<string, Variable>

/** One variable per metric: GATEPOST_PERFORMANCE_BEARER_ACCOUNT_USAGE is the token of account-usage. */
export const PERFORMANCE_BEARER: Variable<string> = optional('GATEPOST_PERFORMANCE_BEARER_<METRIC>', secretText(1), {
  description: 'Bearer token of one metric for the publisher `performance-platform`; the name in capitals, _ for -.',
  allowed: 'any text',
  secret: 'whole',
})

export const PERFORMANCE_BEARER_PREFIX = 'GATEPOST_PERFORMANCE_BEARER_'
