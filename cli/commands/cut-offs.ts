import { GatepostError } from '../../common/errors.ts'
import { sqlTime } from '../../common/sql-time.ts'
import type { AccessLog } from '../../access/log.ts'
import { SUBJECTS, type DecidedKind } from '../../access/subjects.ts'
import { placesOnline, type Place } from '../../reporter/queries/cut-offs.ts'
import type { Config } from '../../runtime/config/config.ts'
import { withRunningStore } from '../../runtime/instance/connect.ts'

/* By when clients are out that `gatepost access deny` concerns. */

/** A worker may let one report pass until it knows of a denial. */
const KNOWN_WITHIN_MS = 2000

export interface CutOff extends Omit<Place, 'within'> {
  /** Its gateway keeps a channel open. */
  readonly at_once: boolean
  /** When its gateway's next report is due; null: not known. */
  readonly by: string | null
}

/** Null: the tables cannot be reached, which say where clients are online. */
export async function cutOffs(
  config: Config,
  access: AccessLog,
  { kind, subject }: { kind: DecidedKind; subject: string },
): Promise<CutOff[] | null> {
  const name = SUBJECTS[kind].nameOf(subject) as string
  const search = { [kind === 'session' ? 'id' : kind]: name }
  try {
    const places = await withRunningStore(config, (store) => placesOnline(store, search))
    const now = Date.now()
    return (
      places?.map(({ gw_id, source, sessions, within }) => ({
        gw_id,
        source,
        sessions,
        at_once: source === 'wifidog' && access.get(SUBJECTS.channel.of(gw_id), now) !== undefined,
        by: within === null ? null : sqlTime(now + KNOWN_WITHIN_MS + 1000 * within),
      })) ?? null
    )
  } catch (error) {
    // The decision is in force all the same.
    if (error instanceof GatepostError) return null
    throw error
  }
}

export function cutOffLines(online: readonly CutOff[] | null): string[] {
  if (online === null)
    return ['it is not known where clients of it are online: no instance and no ClickHouse server can be asked']
  if (online.length === 0) return ['no client of it is online']
  return online.map(({ gw_id, source, sessions, at_once, by }) => {
    const where = `${gw_id === '' ? 'a gateway without a name' : gw_id}: ${sessions} online`
    if (source !== 'wifidog')
      return `${where}; it is not known when its NAS ends them, which is asked to if GATEPOST_RADIUS_DAE says how`
    const report = by === null ? null : `with the next report, due by ${by}`
    if (at_once) return `${where}; out at once over its channel${report === null ? '' : `, else ${report}`}`
    return `${where}; ${report === null ? 'it is not known when they are out: the gateway has sent no counters for a day' : `out ${report}`}`
  })
}
