import t from 'tap'
import { GatepostError } from '../../../common/errors.ts'
import { loadConfig, type Environment } from '../config.ts'
import { requireVariables } from '../required.ts'

function problems(work: () => unknown): string[] {
  try {
    work()
    return []
  } catch (error) {
    if (error instanceof GatepostError && error.code === 'CONFIG_INVALID') return error.message.split('\n')
    throw error
  }
}

const wrong = (env: Environment) => problems(() => loadConfig(env))
const URL = { GATEPOST_CLICKHOUSE_URL: 'http://host:8123' }

t.test('a client certificate and its key go together', (t) => {
  t.match(wrong({ GATEPOST_KAFKA_TLS_CERT: 'a.pem' }), [/go together: GATEPOST_KAFKA_TLS_KEY is not set/])
  t.match(wrong({ GATEPOST_KAFKA_TLS_KEY: 'a.pem' }), [/go together: GATEPOST_KAFKA_TLS_CERT is not set/])
  t.same(wrong({ GATEPOST_KAFKA_TLS_KEY: 'a.pem', GATEPOST_KAFKA_TLS_CERT: 'b.pem' }), [])
  t.end()
})

t.test('a login to the brokers needs a name and a password', (t) => {
  const login = { GATEPOST_KAFKA_SASL: 'scram-sha-512', GATEPOST_KAFKA_USERNAME: 'gatepost' }
  t.match(wrong(login), [/^GATEPOST_KAFKA_PASSWORD is not set, GATEPOST_KAFKA_SASL=scram-sha-512 needs it$/])
  t.equal(wrong({ GATEPOST_KAFKA_SASL: 'plain' }).length, 2)
  t.same(wrong({ ...login, GATEPOST_KAFKA_PASSWORD: 'secret' }), [])
  t.same(wrong({ GATEPOST_KAFKA_SASL: 'none' }), [])
  t.match(wrong({ GATEPOST_KAFKA_SASL: 'kerberos' }), [/GATEPOST_KAFKA_SASL=kerberos: allowed is/], 'told once')
  t.end()
})

t.test('a cluster of the store needs a server', (t) => {
  t.match(wrong({ GATEPOST_CLICKHOUSE_CLUSTER: 'main' }), [/GATEPOST_CLICKHOUSE_URL is not/])
  t.same(wrong({ GATEPOST_CLICKHOUSE_CLUSTER: 'main', ...URL }), [])
  t.end()
})

t.test('beyond loopback only the embedded SQL endpoint needs a password', (t) => {
  const open = { GATEPOST_PRIVATE_BIND: '0.0.0.0' }
  t.match(wrong(open), [/GATEPOST_SQL_PASSWORD/])
  t.same(wrong({ ...open, GATEPOST_SQL_PASSWORD: 'of analysts' }), [])
  t.same(wrong({ ...open, ...URL }), [])
  t.end()
})

t.test('users who see a part need a password of the user who sees everything', (t) => {
  const users = { GATEPOST_SQL_USERS: '/etc/gatepost/users.yaml' }
  t.match(wrong(users), [/user default needs a password too; set GATEPOST_SQL_PASSWORD/])
  t.same(wrong({ ...users, GATEPOST_SQL_PASSWORD: 'of analysts' }), [])
  t.end()
})

t.test('a variable that a separate process needs is named, with its purpose and an example', (t) => {
  const missing = problems(() =>
    requireVariables(loadConfig({}), 'ingest', ['kafkaBrokers', 'clickhouseUrl', 'secret']),
  )
  t.match(missing, [
    /^GATEPOST_KAFKA_BROKERS is not set, gatepost ingest needs it: .+; for example GATEPOST_KAFKA_BROKERS=/,
    /^GATEPOST_CLICKHOUSE_URL is not set, gatepost ingest needs it: .+; for example GATEPOST_CLICKHOUSE_URL=/,
    /^GATEPOST_SECRET is not set, gatepost ingest needs it: .+; for example GATEPOST_SECRET=/,
  ])
  t.same(
    problems(() => requireVariables(loadConfig(URL), 'reporter', ['clickhouseUrl'])),
    [],
  )
  t.end()
})
