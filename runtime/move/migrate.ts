import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { lockDirectory } from '../../common/directory-lock.ts'
import { GatepostError } from '../../common/errors.ts'
import type { AccessEntry } from '../../access/log.ts'
import { openSqlEndpoint } from '../../sql-endpoint/client.ts'
import { s3Access } from '../config/backup-options.ts'
import type { Config } from '../config/config.ts'
import { assertDataFormat } from '../data-format.ts'
import { withAccessLog } from '../instance/access-log.ts'
import { quietLogger } from '../instance/connect.ts'
import { readInstanceFile } from '../instance/instance-file.ts'
import { openKnownAccess } from '../open-access.ts'
import { openStore } from '../store-process/open-store.ts'
import { waitingBytes } from '../supervisor/slots.ts'
import { copyHours, copyWhole, type Ends } from './copy-tables.ts'
import { readMoved, writeMoved } from './moved.ts'
import { rows, sideOfUrl, type Side } from './side.ts'
import { movedTables, type MovedTable, type Span } from './tables.ts'

export interface MigrationResult {
  /** False: the instance runs; what is stored already was copied. Stop it and run the command again. */
  readonly finished: boolean
  readonly rows: number
  readonly decisions: number
}

/** Records of an hour may arrive and be stored for some time after it. */
const CLOSED_AFTER_S = 2 * 3600
/** After the last hour that any clock has: 2100. */
const ALWAYS_S = 4_102_444_800
/** Of the audit log. */
const DAYS_KEPT = 366
const PUTS_AT_ONCE = 200

/**
 * Takes the tables and decisions of an embedded instance to a ClickHouse server and Kafka. While the instance runs, it copies the hours that
 * are over; once it is stopped, the rest, and compares. It may be interrupted anywhere, and repeated.
 * @throws GatepostError CONFIG_INVALID, STORE_REFUSED, STORE_UNAVAILABLE, STORE_INCONSISTENT, LOG_UNAVAILABLE
 */
export async function migrate(config: Config, progress: (what: string) => void): Promise<MigrationResult> {
  const { clickhouseUrl, clickhouseCluster, kafkaBrokers, secret } = config
  const dataDir = resolve(config.dataDir)
  if (clickhouseUrl === undefined || kafkaBrokers === undefined) {
    throw new GatepostError(
      'CONFIG_INVALID',
      'set GATEPOST_CLICKHOUSE_URL and GATEPOST_KAFKA_BROKERS to where the instance is to be moved',
    )
  }
  if (clickhouseCluster !== undefined) {
    throw new GatepostError(
      'CONFIG_INVALID',
      'GATEPOST_CLICKHOUSE_CLUSTER is set: gatepost migrate moves to one server',
    )
  }
  if (!existsSync(join(dataDir, 'store')))
    throw new GatepostError('CONFIG_INVALID', `GATEPOST_DATA_DIR=${dataDir}: there are no tables to move`)
  assertDataFormat(dataDir)
  assertSameSecret(dataDir, secret)
  const to = sideOfUrl(clickhouseUrl)
  const moved = readMoved(dataDir)
  if (moved?.finished === true) throw new GatepostError('CONFIG_INVALID', `${dataDir} was moved to ${moved.to} already`)
  await makeTables(clickhouseUrl, config)
  const target = new URL(clickhouseUrl).host
  if (moved === null) {
    await assertEmpty(to)
    writeMoved(dataDir, { to: target, finished: false })
  } else if (moved.to !== target) {
    throw new GatepostError(
      'CONFIG_INVALID',
      `${dataDir} is being moved to ${moved.to}, and not to ${target}: remove moved.json to begin anew`,
    )
  }
  const running = await runningInstance(dataDir)
  if (running !== null) {
    const ends = { from: running, to, progress }
    let copied = 0
    for (const table of await movedTables(running)) {
      if (table.merges || table.time === null) continue
      copied += await copyHours(ends, table, spanOf(config, table, hourOf(Date.now() / 1000 - CLOSED_AFTER_S)))
    }
    return { finished: false, rows: copied, decisions: 0 }
  }
  return finish(config, dataDir, to, target, progress)
}

async function finish(
  config: Config,
  dataDir: string,
  to: Side,
  target: string,
  progress: (what: string) => void,
): Promise<MigrationResult> {
  const lock = await lockDirectory(dataDir, 'supervisor')
  try {
    const waiting = waitingBytes(join(dataDir, 'journal'))
    if (waiting > 0) {
      throw new GatepostError(
        'CONFIG_INVALID',
        `${join(dataDir, 'journal')} holds ${waiting} bytes of records that are not stored yet: start gatepost serve with the earlier ` +
          'configuration, stop it again, and repeat',
      )
    }
    const begunAt = Math.floor(Date.now() / 1000)
    const copied = await withSource(config, dataDir, async (from) => {
      const ends: Ends = { from, to, progress }
      const tables = await movedTables(from)
      const raw = tables.filter(({ merges }) => !merges)
      let count = 0
      for (const table of raw) {
        // The statements of this command are recorded on the way.
        const before = table.name === 'audit_log' ? begunAt : ALWAYS_S
        count += await copyHours(ends, table, spanOf(config, table, before))
      }
      // After the raw tables, whose views fill some of these.
      for (const table of tables.filter(({ merges }) => merges)) count += await copyWhole(ends, table)
      return count
    })
    const decisions = await copyDecisions(config, dataDir, progress)
    writeMoved(dataDir, { to: target, finished: true })
    return { finished: true, rows: copied, decisions }
  } finally {
    await lock.release()
  }
}

/** Rows that expire soon are left out: either side may delete them first. */
function spanOf({ retention }: Config, { name }: MovedTable, before: number): Span {
  const days = (retention as Readonly<Record<string, number>>)[name] ?? DAYS_KEPT
  return { since: hourOf(Date.now() / 1000 - days * 86_400) + 3600, before }
}

const hourOf = (seconds: number): number => Math.floor(seconds / 3600) * 3600

/** Opens the directory's store with an endpoint of its own. */
async function withSource<T>(config: Config, dataDir: string, work: (from: Side) => Promise<T>): Promise<T> {
  const key = randomBytes(24).toString('base64url')
  const opened = await openStore(
    {
      kind: 'embedded',
      dataDir,
      endpoint: {
        host: '127.0.0.1',
        port: 0,
        password: key,
        adminPassword: undefined,
        readers: [],
        allowedHosts: [],
        trustedProxies: [],
      },
      backup: { log: 'journal', schedule: null, s3: s3Access(config) },
    },
    config.retention,
    () => undefined,
    quietLogger(),
  )
  try {
    const info = readInstanceFile(dataDir)
    if (info === null) throw new GatepostError('STORE_UNAVAILABLE', `${dataDir}: its tables could not be opened`)
    return await work({ url: `${info.sqlUrl}/`, user: info.user, password: info.key })
  } finally {
    await opened.close()
  }
}

/** Null: no instance answers. */
async function runningInstance(dataDir: string): Promise<Side | null> {
  const info = readInstanceFile(dataDir)
  const probe = info && (await openSqlEndpoint(info))
  if (info === null || probe === null) return null
  await probe.close()
  return { url: `${info.sqlUrl}/`, user: info.user, password: info.key }
}

async function makeTables(url: string, { retention }: Config): Promise<void> {
  const { openServerStore } = await import('../../store/server/open.ts')
  const store = await openServerStore({ url, logger: quietLogger(), retention })
  try {
    await store.migrate()
  } finally {
    await store.close()
  }
}

async function assertEmpty(to: Side): Promise<void> {
  const tables = (await movedTables(to)).filter(({ time, merges }: MovedTable) => time !== null && !merges)
  for (const { name } of tables) {
    const found = await rows(to, `SELECT 1 AS one FROM gatepost.${name} LIMIT 1`)
    if (found.length > 0) {
      throw new GatepostError(
        'CONFIG_INVALID',
        `the table ${name} of the server has rows already: gatepost migrate needs empty tables`,
      )
    }
  }
}

/** Tokens and hashes of erased subjects are made with it. */
function assertSameSecret(dataDir: string, secret: string | undefined): void {
  const path = join(dataDir, 'secret')
  if (!existsSync(path) || readFileSync(path, 'utf8').trim() === secret) return
  throw new GatepostError('CONFIG_INVALID', `GATEPOST_SECRET must be what ${path} has, or no token stays valid`)
}

/** @returns decisions in force */
async function copyDecisions(config: Config, dataDir: string, progress: (what: string) => void): Promise<number> {
  progress('decisions')
  const source = await openKnownAccess({ kind: 'file', dataDir }, quietLogger())
  try {
    const entries = [...source.entries('', Date.now())]
    await withAccessLog(config, async ({ access }) => {
      const missing = entries.filter(([subject, entry]) => !isSame(access.get(subject, Date.now()), entry))
      for (let first = 0; first < missing.length; first += PUTS_AT_ONCE) {
        await Promise.all(
          missing.slice(first, first + PUTS_AT_ONCE).map(([subject, entry]) => access.put(subject, entry)),
        )
      }
    })
    return entries.length
  } finally {
    await source.close()
  }
}

function isSame(known: AccessEntry | undefined, entry: AccessEntry): boolean {
  return known !== undefined && JSON.stringify(known) === JSON.stringify(entry)
}
