import { resolve } from 'node:path'
import { messageOf } from '../../common/errors.ts'
import { readLastBackup } from '../backup/last.ts'
import type { Config } from '../config/config.ts'
import { ok, problem, warning, type Finding } from './finding.ts'

const HOUR_MS = 3_600_000
/** Without a schedule. */
const OLD_MS = 7 * 24 * HOUR_MS

/** The age of the last backup of an embedded store. */
export function checkBackup({ clickhouseUrl, dataDir, backupTo, backupEveryMs }: Config, now = Date.now()): Finding[] {
  if (clickhouseUrl !== undefined) return []
  try {
    const last = readLastBackup(resolve(dataDir))
    const hours = last === null ? 0 : (now - last.at) / HOUR_MS
    const found = last === null ? 'none was made' : `${last.directory}, begun ${hours.toFixed(1)} hours ago`
    if (backupTo === undefined) {
      const advice =
        'set GATEPOST_BACKUP_TO to a directory on another disk, or run gatepost backup --to: docs/backup.md'
      return [last !== null && now - last.at < OLD_MS ? ok('backup', found) : warning('backup', found, advice)]
    }
    if (last !== null && now - last.at < 2 * backupEveryMs) return [ok('backup', found)]
    return [warning('backup', found, 'look for "backup:" in the log of the store process, and run gatepost backup')]
  } catch (error) {
    return [problem('backup', messageOf(error), 'install that version')]
  }
}
