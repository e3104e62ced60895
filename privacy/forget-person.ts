import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ERASED_MAX_AGE_MS } from './erased-now.ts'
import type { Person } from './person.ts'
import { filterOf, forgetInTables, forgetMutations, keepHashes, storeNow } from './tables.ts'
import { messageOf } from '../common/errors.ts'
import { GOVWIFI_CODE_POINTS, isShared, type UserNameRule } from '../common/user-name.ts'
import type { PseudonymKey } from './pseudonym.ts'
import type { AccessData, AccessLog } from '../access/log.ts'
import { entriesNaming } from '../access/subjects.ts'
import { compactAccessLog } from '../access/journal-compaction.ts'
import { archiveDirectory } from '../log/journal/archive.ts'
import { rewriteArchive } from '../log/journal/rewrite-archive.ts'
import type { Store } from '../store/contract.ts'
import { userNameRule } from '../store/user-names.ts'

/** What was found about a person and removed, or only counted in a dry run. */
export interface Forgotten {
  readonly dry_run: boolean
  /** Rows by table. */
  readonly tables: Readonly<Record<string, number>>
  /** Entries of the access log. */
  readonly access_control: number
  readonly archive: { readonly segments: number; readonly records: number }
  /** Where the person may still be named, and until when. */
  readonly remains: readonly string[]
}

/** Where to forget a person. */
export interface Places {
  readonly store: Store
  /** embedded: only this installation uses it; server: others run statements too, which its query log may keep. */
  readonly storeKind: 'embedded' | 'server' | 'cluster'
  readonly access: AccessLog
  readonly log: 'journal' | 'kafka'
  /** The directory of the archive and, with a journal, of the access log; null: this process has none. */
  readonly dataDir: string | null
  /** The token keys with which erased subjects are hashed. */
  readonly keys: readonly string[]
  /** The key of the pseudonyms in login_history; null: unknown. */
  readonly pseudonyms: PseudonymKey | null
}

/** After this time every insert that starts knows about the person, and table access_decisions has caught up with the log. */
const SETTLED_MS = ERASED_MAX_AGE_MS + 4000

/**
 * Removes everything about a person; with `dryRun` only counts it.
 * @throws GatepostError of the store and the log, DIRECTORY_LOCKED; repeating the call is always safe
 */
export async function forgetPerson(places: Places, person: Person, dryRun: boolean): Promise<Forgotten> {
  const { store, storeKind, keys, pseudonyms, dataDir } = places
  const rule = await userNameRule(store)
  const at = dryRun ? await storeNow(store) : await keepHashes(store, keys, person, rule)
  const erased = filterOf(keys, person, rule, at)
  const entries = await forgetDecisions(places, person, dryRun)
  if (!dryRun) await sleep(SETTLED_MS)
  const tables = await forgetInTables(store, person, { rule, erased, at, pseudonyms, dryRun })
  // In a cluster, a replica that was down during others' mutations may still need their text, so it is kept.
  const texts = dryRun || storeKind === 'cluster' ? null : await mutationsLeft(store)
  const directory = dataDir === null ? null : archiveDirectory(dataDir)
  const archive =
    directory !== null && existsSync(directory)
      ? await rewriteArchive(directory, (batch) => erased.without(batch), dryRun)
      : { segments: 0, records: 0 }
  const remains = [...(texts === null ? [] : [texts]), ...remainsOf(places, person, rule)]
  return { dry_run: dryRun, tables, access_control: entries, archive, remains }
}

/** Null: none. The rows are deleted by now, so a failure here is only reported. */
async function mutationsLeft(store: Store): Promise<string | null> {
  try {
    await forgetMutations(store)
    return null
  } catch (error) {
    return `in system.mutations, which keeps the text of the deletions and could not be cleared: ${messageOf(error)}`
  }
}

/** Removes decisions about the person, their password, and bindings of their devices. */
async function forgetDecisions({ access, log, dataDir }: Places, person: Person, dryRun: boolean): Promise<number> {
  // Only gateways and the portal make decisions, and they have no credential.
  if (person.kind === 'writer') return 0
  const found = entriesNaming(access, person.kind, person.value)
  if (dryRun) return found.size
  for (const [subject, { entry, erased }] of found) {
    await access.put(subject, null)
    if (erased !== null) await access.put(subject, { ...entry, data: erased as AccessData })
  }
  // The file keeps deleted entries until it is compacted.
  if (log === 'journal' && dataDir !== null) await compactAccessLog(dataDir, Date.now())
  return found.size
}

const LOGS = {
  journal:
    'in journal segments that are not stored yet: records of the person are skipped when the segments are stored or archived',
  kafka:
    "in Kafka's topics and in spills until GATEPOST_KAFKA_RETENTION ends: records of the person are skipped when they are stored",
} as const

const STORES = {
  embedded: [],
  server: ["in the server's query_log, if it keeps one: it holds the statements of searches and of this request"],
  cluster: [
    "in the servers' query_log, if they keep one: it holds the statements of searches and of this request",
    'in ClickHouse Keeper, which keeps the text of the last hundred deletions of each table: KILL MUTATION removes them once all replicas are done',
    'in ClickHouse Keeper, in the queue of distributed statements, for task_max_lifetime (a week by default)',
  ],
} as const

const SHARED =
  `in post_auth, session_origins and login_calendar, where logins at a RADIUS server have only the first ${GOVWIFI_CODE_POINTS} characters of a name ` +
  '(GATEPOST_USERNAMES=govwifi): to remove these rows would remove those of everybody whose name begins with the same characters. Forget the devices of the person'

const WRITER = [
  'in login_calendar and login_history, whose rows do not say who wrote: days of users whom others report too; and in account_logins, of accounts',
] as const

/** Where the person may still be named, and until when. */
function remainsOf({ log, storeKind }: Places, { kind, value }: Person, rule: UserNameRule): string[] {
  return [
    ...(kind === 'user' && isShared(value, rule) ? [SHARED] : []),
    ...(kind === 'writer' ? WRITER : []),
    'in replaced files of the tables, until the engine removes them in about ten minutes',
    LOGS[log],
    ...STORES[storeKind],
    'in backups, log files and published results, which Gatepost cannot reach',
  ]
}
