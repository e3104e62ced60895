import t from 'tap'
import { GatepostError } from '../../../common/errors.ts'
import { retentionOf } from '../../../store/retention.ts'
import { configWarnings, describeConfig, loadConfig, type Config, type Environment } from '../config.ts'
import { VARIABLES } from '../variables.ts'
import type { Variable } from '../variable.ts'

/** The problems of an environment, one per line. */
function problems(env: Environment, check: (env: Environment) => unknown = loadConfig): string[] {
  try {
    check(env)
    return []
  } catch (error) {
    if (error instanceof GatepostError && error.code === 'CONFIG_INVALID') return error.message.split('\n')
    throw error
  }
}

t.test('without any variable every option has its default', (t) => {
  const config = loadConfig({ PATH: '/bin' })
  t.equal(config.gatewayPort, 8000)
  t.equal(config.ingestPort, 8080)
  t.equal(config.sqlPort, 8123)
  t.equal(config.dashboardPort, 3000)
  t.equal(config.metricsPort, 9464)
  t.equal(config.bind, '127.0.0.1')
  t.equal(config.privateBind, '127.0.0.1')
  t.equal(config.dataDir, `${process.cwd()}/data`)
  t.equal(config.journalMaxBytes, 10 * 2 ** 30)
  t.equal(config.drainTimeoutMs, 30_000)
  t.equal(config.sessionMaxMs, 86_400_000)
  t.same(config.retention, retentionOf(32))
  t.equal(config.ack, 'durable')
  t.equal(config.authMode, 'signed')
  t.same(config.login, ['click'])
  t.equal(config.trustedProxies, undefined)
  t.equal(config.secret, undefined)
  t.ok(Object.isFrozen(config))
  t.end()
})

t.test('every default is allowed by its own rule, and every variable has a description', (t) => {
  for (const variable of Object.values<Variable>(VARIABLES)) {
    if (variable.default !== undefined) t.ok(variable.schema.safeParse(variable.default).success, variable.env)
    t.match(variable.env, /^(?:GATEPOST|AWS)_[A-Z0-9_]+$/)
    t.match(variable.description, /\.$/, variable.env)
    t.not(variable.allowed, '', variable.env)
  }
  t.end()
})

const ACCEPTED: readonly (readonly [keyof typeof VARIABLES & keyof Config, string, unknown])[] = [
  ['journalMaxBytes', '10 GiB', 10 * 2 ** 30],
  ['journalMaxBytes', '512MiB', 512 * 2 ** 20],
  ['journalMaxBytes', '512mib', 512 * 2 ** 20],
  ['journalMaxBytes', '1.5 GB', 1.5e9],
  ['journalMaxBytes', '1048576', 1048576],
  ['drainTimeoutMs', '90s', 90_000],
  ['drainTimeoutMs', '1500ms', 1500],
  ['sessionMaxMs', '2d', 172_800_000],
  ['tokenUseWithinMs', '1.5h', 5_400_000],
  ['gatewayPort', '0', 0],
  ['gatewayPort', ' 65535 ', 65535],
  ['bind', '0.0.0.0', '0.0.0.0'],
  ['bind', '::', '::'],
  ['bind', 'localhost', 'localhost'],
  ['dataDir', '/var/lib/gatepost', '/var/lib/gatepost'],
  ['trustedProxies', '10.0.0.0/8, 192.0.2.1,2001:DB8::/32', ['10.0.0.0/8', '192.0.2.1', '2001:db8::/32']],
  ['kafkaBrokers', 'a:9092,[::1]:9093', ['a:9092', '[::1]:9093']],
  ['login', 'voucher,click', ['voucher', 'click']],
  ['publish', 'stdout', ['stdout']],
  ['secret', 'a secret of some length', 'a secret of some length'],
  ['sqlPassword', ' blanks count ', ' blanks count '],
  ['clickhouseUrl', 'https://u:p@ch.example:8443/gatepost', 'https://u:p@ch.example:8443/gatepost'],
  ['logLevel', 'debug', 'debug'],
]

t.test('allowed values', (t) => {
  for (const [key, text, value] of ACCEPTED) t.same(loadConfig({ [VARIABLES[key].env]: text })[key], value, text)
  t.end()
})

const REFUSED: readonly (readonly [keyof typeof VARIABLES, readonly string[]])[] = [
  ['gatewayPort', ['65536', '-1', '80.5', 'http', '0x50', '1e3']],
  ['bind', ['example.org', '127.0.0.1:8000', '256.0.0.1', '10.0.0.0/8']],
  ['privateBind', ['*', 'gatepost.local']],
  ['dataDir', ['a\0b']],
  ['workers', ['0', '257', 'two', '1.5']],
  ['ack', ['Durable', 'none']],
  ['authMode', ['closed']],
  ['login', ['click,password', 'click,', 'click,click']],
  ['journalMaxBytes', ['10 G', '10 gigabytes', '-1', '1 KiB', '10,5 GiB', 'GiB', '99999999 TiB']],
  ['segmentMaxBytes', ['1', '1 constructor']],
  ['drainTimeoutMs', ['30', '0s', '2h', '30 seconds', '-1s']],
  ['segmentMaxMs', ['1ms', '500']],
  ['retentionDays', ['0', '32d', '3651']],
  ['trustedProxies', ['10.0.0.0/33', '10.0.0.0/', 'proxy', '1.2.3.4,', '::/129', '1.2.3.4/8/8', 'fe80::1%eth0']],
  ['kafkaBrokers', ['kafka', 'kafka:0', 'kafka:9092,', 'http://kafka:9092']],
  ['clickhouseUrl', ['clickhouse:8123', 'tcp://ch:9000', 'http://']],
  ['smtpUrl', ['http://mail']],
  ['publish', ['ftp']],
  ['logLevel', ['verbose']],
]

t.test('a wrong value is named with its variable and what is allowed', (t) => {
  for (const [key, texts] of REFUSED) {
    for (const text of texts) {
      const { env, allowed } = VARIABLES[key]
      t.same(problems({ [env]: text }), [`${env}=${text}: allowed is ${allowed}`])
    }
  }
  t.end()
})

t.test('all wrong values are reported at once', (t) => {
  const found = problems({ GATEPOST_WORKERS: 'x', GATEPOST_ACK: 'y', GATEPOST_SQL_PORT: '8000' })
  t.equal(found.length, 3)
  t.match(
    found.join(),
    /GATEPOST_WORKERS=x.*GATEPOST_ACK=y.*GATEPOST_SQL_PORT=8000: GATEPOST_GATEWAY_PORT already uses that port/,
  )
  t.end()
})

t.test('ports must differ, except 0', (t) => {
  t.same(problems({ GATEPOST_SQL_PORT: '0', GATEPOST_INGEST_PORT: '0', GATEPOST_GATEWAY_PORT: '0' }), [])
  t.equal(problems({ GATEPOST_SQL_PORT: '9464' }).length, 1)
  t.end()
})

t.test('private listeners beyond loopback need a password', (t) => {
  t.match(problems({ GATEPOST_PRIVATE_BIND: '0.0.0.0' }), [/GATEPOST_PRIVATE_BIND=0.0.0.0: .*GATEPOST_SQL_PASSWORD/])
  t.equal(problems({ GATEPOST_PRIVATE_BIND: '::' }).length, 1)
  t.equal(problems({ GATEPOST_PRIVATE_BIND: '0.0.0.0', GATEPOST_SQL_PASSWORD: '' }).length, 1)
  t.same(problems({ GATEPOST_PRIVATE_BIND: '0.0.0.0', GATEPOST_SQL_PASSWORD: 'of analysts' }), [])
  for (const address of ['127.0.0.2', '::1', 'localhost', '::ffff:127.0.0.1']) {
    t.same(problems({ GATEPOST_PRIVATE_BIND: address }), [], address)
  }
  t.end()
})

t.test('an empty variable counts as unset', (t) => {
  t.equal(loadConfig({ GATEPOST_WORKERS: '' }).workers, 1)
  t.same(
    describeConfig({ GATEPOST_WORKERS: '' }).find((entry) => entry.variable === 'GATEPOST_WORKERS')?.source,
    'default',
  )
  t.end()
})

t.test('secrets are never shown', (t) => {
  const word = 'hunter2hunter2hunter2'
  const env = {
    GATEPOST_SECRET: word,
    GATEPOST_SQL_PASSWORD: word,
    GATEPOST_SQL_ADMIN_PASSWORD: word,
    GATEPOST_METRICS_API_TOKEN: word,
    GATEPOST_ALERT_URL: `https://chat.example/hook/${word}`,
    GATEPOST_CLICKHOUSE_URL: `http://gatepost:${word}@ch:8123/gatepost?password=${word}`,
    GATEPOST_SMTP_URL: `smtp://${word}@mail`,
    GATEPOST_PERFORMANCE_BEARER_ACCOUNT_USAGE: word,
  }
  const shown = JSON.stringify([describeConfig(env), configWarnings(env)])
  t.notMatch(shown, word)
  t.match(shown, 'http://gatepost:********@ch:8123/gatepost?********')
  t.notMatch(problems(env).join(), word)
  const wrong = {
    GATEPOST_CLICKHOUSE_URL: `tcp://u:${word}?/@${word}@ch`,
    GATEPOST_S3_URL: `u:${word}@s3`,
    GATEPOST_SECRET: 'hunter2',
    GATEPOST_SQL_PASSWORD: 'hunter2',
    GATEPOST_SQL_ADMIN_PASSWORD: 'hunter2',
  }
  t.notMatch(problems(wrong).join(), 'hunter2')
  t.equal(problems(wrong).length, 5)
  t.end()
})

t.test('the effective configuration says where each value comes from', (t) => {
  const entries = describeConfig({ GATEPOST_WORKERS: '4' })
  const entry = (name: string) => entries.find(({ variable }) => variable === name)
  t.match(entry('GATEPOST_WORKERS'), { value: '4', source: 'environment' })
  t.match(entry('GATEPOST_JOURNAL_MAX_BYTES'), { value: '10 GiB', source: 'default' })
  t.match(entry('GATEPOST_SECRET'), { value: null, unset: '(generated into the data directory)' })
  t.equal(entries.length, Object.keys(VARIABLES).length)
  t.end()
})

t.test('a misspelt variable is reported, with the name that was probably meant', (t) => {
  t.same(configWarnings({ GATEPOST_WORKER: '4', HOME: '/root' }), [
    'GATEPOST_WORKER is not a variable of Gatepost; did you mean GATEPOST_WORKERS?',
  ])
  t.same(configWarnings({ GATEPOST_SOMETHING_ELSE_ALTOGETHER: '1' }), [
    'GATEPOST_SOMETHING_ELSE_ALTOGETHER is not a variable of Gatepost',
  ])
  t.end()
})

t.test('a login method names the variables that it needs', (t) => {
  t.same(problems({ GATEPOST_LOGIN: 'click,voucher' }), [])
  t.match(problems({ GATEPOST_LOGIN: 'click,account', GATEPOST_SMTP_URL: 'smtp://mail' }), [
    /^GATEPOST_SMTP_FROM is not/,
  ])
  t.match(problems({ GATEPOST_LOGIN: 'webhook' }), [/^GATEPOST_LOGIN_WEBHOOK_URL is/, /^GATEPOST_LOGIN_WEBHOOK_SECRET/])
  t.same(
    problems({ GATEPOST_LOGIN: 'account', GATEPOST_SMTP_URL: 'smtp://mail', GATEPOST_SMTP_FROM: 'wifi@example.org' }),
    [],
  )
  t.end()
})

t.test('bearer tokens are named after their metric', (t) => {
  const config = loadConfig({ GATEPOST_PERFORMANCE_BEARER_ACCOUNT_USAGE: 'x', GATEPOST_PERFORMANCE_BEARER_: 'y' })
  t.same(config.performanceBearers, { 'account-usage': 'x' })
  t.end()
})

t.test('a history under pseudonyms', (t) => {
  const after = { GATEPOST_PSEUDONYMISE_AFTER_DAYS: '35' }
  const secret = { GATEPOST_PSEUDONYM_SECRET: 'sixteen letters.' }
  t.match(problems({ ...after, ...secret }), [
    /AFTER_DAYS=35: no record is kept longer than GATEPOST_RETENTION_DAYS=32/,
  ])
  t.match(problems({ ...after, GATEPOST_RETENTION_DAYS: '400' }), [/^GATEPOST_PSEUDONYM_SECRET is not set/])
  const { retention, history } = loadConfig({ ...after, ...secret, GATEPOST_RETENTION_DAYS: '400' })
  t.same({ retention, history }, { retention: retentionOf(35), history: { keptDays: 400, secret: 'sixteen letters.' } })
  t.same(loadConfig({}).history, null)
  t.end()
})
