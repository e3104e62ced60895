import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ERASED_MAX_AGE_MS } from '../aggregator/erased-now.ts'
import type { Person } from '../aggregator/forget/person.ts'
import { filterOf, forgetInTables, keepHashes, storeNow, type RowCounts } from '../aggregator/forget/tables.ts'
import { pseudonymKey } from '../common/pseudonym.ts'
import { GatepostError } from '../common/errors.ts'
import type { AccessLog } from '../log/access.ts'
import { compactAccessLog } from '../log/journal/access-log.ts'
import { archiveDirectory } from '../log/journal/archive.ts'
import { rewriteArchive, type Rewritten } from '../log/journal/rewrite-archive.ts'
import { withAccessLog } from './access-log.ts'
import type { Config } from './config.ts'
import { withFullStore } from './full-store.ts'

/** What was found of a person, and removed unless it was a dry run. */
export interface Forgotten {
  readonly dry_run: boolean
  readonly tables: RowCounts
  /** Entries of the access-control log. */
  readonly access_control: number
  readonly archive: Rewritten
}

/** By then no insert begins that does not know of the person, and table access_decisions follows the log. */
const SETTLED_MS = ERASED_MAX_AGE_MS + 4000

/** @throws GatepostError of the store and the log; again later is always safe */
export function forget(
  config: Config,
  person: Person,
  dryRun: boolean,
  note: (text: string) => void,
): Promise<Forgotten> {
  if (config.clickhouseCluster !== undefined) {
    const hint = 'rows have to be deleted on every node: gatepost forget does that on one ClickHouse server only'
    throw new GatepostError('CONFIG_INVALID', `GATEPOST_CLICKHOUSE_CLUSTER is set: ${hint}`)
  }
  return withFullStore(config, note, (store) =>
    withAccessLog(config, async ({ access, secret }) => {
      const at = dryRun ? await storeNow(store) : await keepHashes(store, secret, person)
      const erased = await filterOf(secret, person, at)
      const pseudonyms = config.history === null ? null : pseudonymKey(config.history.secret)
      const entries = await forgetDecisions(config, access, person, dryRun)
      if (!dryRun) await sleep(SETTLED_MS)
      const tables = await forgetInTables(store, person, { erased, at, pseudonyms, dryRun })
      const directory = archiveDirectory(config.dataDir)
      const archive = existsSync(directory)
        ? await rewriteArchive(directory, (batch) => erased.without(batch), dryRun)
        : { segments: 0, records: 0 }
      return { dry_run: dryRun, tables, access_control: entries, archive }
    }),
  )
}

/** Decisions about the person, their password and what devices are bound to. */
async function forgetDecisions(config: Config, access: AccessLog, person: Person, dryRun: boolean): Promise<number> {
  const { kind, value } = person
  const subjects = new Set(
    (kind === 'mac' ? [`mac:${value}`, `roam:${value}`] : [`account:${value}`, `quota:account:${value}`]).filter(
      (subject) => access.get(subject, -Infinity) !== undefined,
    ),
  )
  const [prefix, field] = kind === 'mac' ? ['bind:', 'mac'] : ['credential:', 'account']
  for (const [subject, { data }] of access.entries(prefix, -Infinity)) {
    if (data?.[field] === value) subjects.add(subject)
  }
  if (dryRun) return subjects.size
  for (const subject of subjects) await access.put(subject, null)
  // The file keeps what was taken back until it is written anew.
  if (config.kafkaBrokers === undefined) await compactAccessLog(config.dataDir, Date.now())
  return subjects.size
}
