import { resolve } from 'node:path'
import { messageOf } from '../../common/errors.ts'
import { readLastBackup } from '../backup/last.ts'
import { placeOf } from '../backup/place.ts'
import { isS3 } from '../backup/s3/address.ts'
import { s3Access } from '../config/backup-options.ts'
import type { Config } from '../config/config.ts'
import { ok, problem, warning, type Finding } from './finding.ts'

const HOUR_MS = 3_600_000
/** Without a schedule. */
const OLD_MS = 7 * 24 * HOUR_MS

/** The age of the last backup of an embedded store, and whether a bucket that is to have backups can be read. */
export async function checkBackup(config: Config, now = Date.now()): Promise<Finding[]> {
  if (config.clickhouseUrl !== undefined) return []
  return [...checkAge(config, now), ...(await checkBucket(config))]
}

async function checkBucket(config: Config): Promise<Finding[]> {
  const { backupTo } = config
  if (backupTo === undefined || !isS3(backupTo)) return []
  try {
    const all = await (await placeOf(backupTo, s3Access(config))).list()
    return [ok('bucket', `${backupTo} has ${all.length} backups`)]
  } catch (error) {
    const advice =
      'check GATEPOST_BACKUP_TO, GATEPOST_BACKUP_S3_ENDPOINT, AWS_REGION and the key, and what the key may do'
    return [problem('bucket', messageOf(error), advice)]
  }
}

function checkAge({ dataDir, backupTo, backupEveryMs }: Config, now: number): Finding[] {
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
