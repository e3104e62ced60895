import { messageOf } from '../../common/errors.ts'
import { createLogger } from '../../common/logger.ts'
import { readCertificate } from '../../common/certificate.ts'
import { loadMigrations } from '../../store/migrations.ts'
import { parseAddress } from '../../store/server/address.ts'
import { grantsOf, missingRights } from '../../store/server/rights.ts'
import type { TableStore } from '../../store/table-store.ts'
import type { Config } from '../config/config.ts'
import { topicsOptions } from '../config/kafka-options.ts'
import { certificateFiles } from '../config/tls-variables.ts'
import { openSqlEndpoint } from '../../sql-endpoint/client.ts'
import { withStore } from '../instance/connect.ts'
import { readInstanceFile } from '../instance/instance-file.ts'
import { ok, problem, warning, type Finding } from './finding.ts'

const CLOCKS_APART_MS = 2000
/** The topics of the record log, if it is on Kafka. */
export async function checkKafka(config: Config): Promise<Finding[]> {
  if (config.kafkaBrokers === undefined) return []
  // The Kafka client is loaded only where there is Kafka.
  const { checkTopics } = await import('../../log/kafka/topics.ts')
  const logger = createLogger('doctor')
  logger.level = 'silent'
  try {
    const problems = await checkTopics(topicsOptions(config, 'gatepost-doctor', logger))
    if (problems.length === 0) return [ok('topics', 'every topic is in the required state')]
    return problems.map(({ topic, level, problem: what, repairable }) => {
      const advice = repairable ? 'gatepost topics create' : 'see docs/kafka.md'
      return level === 'error'
        ? problem('topics', `${topic}: ${what}`, advice)
        : warning('topics', `${topic}: ${what}`, advice)
    })
  } catch (error) {
    return [problem('topics', messageOf(error), 'check GATEPOST_KAFKA_BROKERS, the network, and the credentials')]
  }
}

/** The tables: reachable, with which rights, migrated, with which dead letters. */
export async function checkStore(config: Config): Promise<Finding[]> {
  const { clickhouseUrl: url, clickhouseCluster: cluster } = config
  if (url === undefined) return checkTables(config)
  // First: without one of its rights a server cannot be opened, and the error is about the first that is missing.
  const rights = await checkRights(url, cluster !== undefined)
  return [...rights, ...(await checkTables(config))]
}

async function checkRights(url: string, isCluster: boolean): Promise<Finding[]> {
  try {
    const missing = await missingRights(url, isCluster)
    if (missing.length === 0) return [ok('rights', 'the user of GATEPOST_CLICKHOUSE_URL has every right')]
    const found = `the user of GATEPOST_CLICKHOUSE_URL lacks ${missing.map(({ privilege, on }) => `${privilege} on ${on}`).join(', ')}`
    const user = parseAddress(url).username
    const advice = `as an administrator: ${grantsOf(missing)
      .map((grant) => `${grant} TO ${user}`)
      .join('; ')}; docs/clickhouse.md says what each is for`
    return [problem('rights', found, advice)]
  } catch {
    // What is wrong shows where the tables are looked at; a server that does not know CHECK GRANT refuses what it must.
    return [ok('rights', 'not looked at: the server does not answer CHECK GRANT')]
  }
}

async function checkTables(config: Config): Promise<Finding[]> {
  const isServer = config.clickhouseUrl !== undefined
  try {
    if (isServer) return await withStore(config, () => {}, checkServer)
    const info = readInstanceFile(config.dataDir)
    const store = info && (await openSqlEndpoint(info))
    if (store === null) return [ok('store', 'not looked at: no instance has it open, and opening it would migrate it')]
    try {
      return [await checkMigrations(store), await checkLetters(store)]
    } finally {
      await store.close()
    }
  } catch (error) {
    const advice = isServer ? 'check GATEPOST_CLICKHOUSE_URL, the network, and the user' : 'its log says why'
    return [problem('store', messageOf(error), advice)]
  }
}

async function checkServer(store: TableStore): Promise<Finding[]> {
  return [await checkMigrations(store), await checkClocks(store), await checkLetters(store)]
}

async function checkMigrations(store: TableStore): Promise<Finding> {
  const [{ newest }] = await store.query<{ newest: number }>(
    'SELECT toUInt32(max(version)) AS newest FROM gatepost.schema_migrations',
  )
  const known = loadMigrations().length
  const found = `migrated to ${newest}; this version knows ${known}`
  if (newest === known) return ok('store', found)
  if (newest > known) return problem('store', found, 'install the version that migrated it; docs/upgrading.md')
  return warning('store', found, 'start serve, aggregator or reporter of this version: they migrate')
}

async function checkClocks(store: TableStore): Promise<Finding> {
  const before = Date.now()
  const [{ now }] = await store.query<{ now: number }>('SELECT toFloat64(toUnixTimestamp64Milli(now64(3))) AS now')
  const apart = Math.round(Math.max(0, now - Date.now(), before - now))
  const found = `the server's clock and this one are ${apart} ms apart`
  if (apart <= CLOCKS_APART_MS) return ok('clocks', found)
  return warning(
    'clocks',
    found,
    'keep both by NTP: states and retention use the server’s clock, records that of ingest',
  )
}

async function checkLetters(store: TableStore): Promise<Finding> {
  const rows = await store.query<{ source: string; reason: string; n: number }>(
    `SELECT source, reason, toUInt32(count()) AS n FROM gatepost.dead_letters
     WHERE received_at > now() - INTERVAL 1 DAY GROUP BY source, reason ORDER BY n DESC LIMIT 3`,
  )
  if (rows.length === 0) return ok('dead letters', 'none in the last day')
  const most = rows.map(({ source, reason, n }) => `${n} ${source} ${reason}`).join(', ')
  return warning('dead letters', `in the last day, most often: ${most}`, 'gatepost dead-letters list')
}

/** The files of the certificate, before anything starts with them. */
export function checkCertificate(config: Config): Finding[] {
  const files = certificateFiles(config)
  if (files === null) return []
  try {
    readCertificate(files)
    return [ok('certificate', 'can be read, and its key matches')]
  } catch (error) {
    return [problem('certificate', messageOf(error), 'check the files of GATEPOST_TLS_CERT and GATEPOST_TLS_KEY')]
  }
}
