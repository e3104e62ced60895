import { duration, integer, path } from './values.ts'
import { optional, withDefault, type Variable } from './variable.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** When and where the data directory of an embedded store is backed up. */
export const BACKUP_VARIABLES = {
  backupTo: optional('GATEPOST_BACKUP_TO', path, {
    description:
      'Directory to which the data directory of an embedded store is backed up on a schedule; `gatepost backup` without --to uses it too. On another disk, and of this instance alone.',
    allowed: 'a path',
    unset: '(unset: only `gatepost backup --to` makes backups)',
  }),
  backupEveryMs: withDefault('GATEPOST_BACKUP_EVERY', '24h', duration(MINUTE, 31 * DAY), {
    description:
      'Interval of these backups. A full one is made if the last is older than seven days; the others hold what is new since then.',
    allowed: 'a duration from 1m to 31d',
  }),
  backupKeep: withDefault('GATEPOST_BACKUP_KEEP', '14', integer(1, 10_000), {
    description: 'How many backups the schedule keeps in that directory, besides the full ones that they are based on.',
    allowed: 'a whole number, 1 to 10000',
  }),
} satisfies Record<string, Variable>
