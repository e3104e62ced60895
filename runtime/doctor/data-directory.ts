import { existsSync } from 'node:fs'
import { open, statfs, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { messageOf } from '../../common/errors.ts'
import { assertDataFormat } from '../data-format.ts'
import { mayWrite } from '../may-write.ts'
import { ok, problem, warning, type Finding } from './finding.ts'

const FREE_SHARE = 0.1
const GIB = 2 ** 30
const SYNCS = 20
const SYNC_BYTES = 4096
/** An answer waits for a sync. Disks take 0.1 to 5 ms, a spinning one 10. */
const SLOW_SYNC_MS = 20

/** The data directory: whether it can be written, of which version it is, how much is free, how fast a sync is. Creates nothing that stays. */
export async function checkDataDirectory(dataDir: string): Promise<Finding[]> {
  const path = resolve(dataDir)
  if (!existsSync(path)) {
    const parent = firstExisting(path)
    if (!(await mayWrite(parent))) return [notWritable(path, parent)]
    return [ok('data directory', `${path} does not exist yet; the first start makes it`), ...(await checkSpace(parent))]
  }
  if (!(await mayWrite(path))) return [notWritable(path, path)]
  try {
    assertDataFormat(path)
  } catch (error) {
    return [problem('data directory', messageOf(error), 'install that version, or name another GATEPOST_DATA_DIR')]
  }
  return [ok('data directory', path), ...(await checkSpace(path)), await checkSync(path)]
}

function notWritable(path: string, which: string): Finding {
  return problem(
    'data directory',
    `GATEPOST_DATA_DIR=${path}: this user may not write to ${which}`,
    'give the directory to the user of Gatepost, or name another GATEPOST_DATA_DIR',
  )
}

function firstExisting(path: string): string {
  return existsSync(path) ? path : firstExisting(dirname(path))
}

async function checkSpace(path: string): Promise<Finding[]> {
  const { bavail, blocks, bsize } = await statfs(path)
  const found = `${((bavail * bsize) / GIB).toFixed(1)} GiB free of ${((blocks * bsize) / GIB).toFixed(1)} GiB`
  if (bavail / blocks >= FREE_SHARE) return [ok('disk', found)]
  return [
    warning('disk', found, 'make room, or shorten GATEPOST_RETENTION_DAYS: when the disk is full, records are refused'),
  ]
}

async function checkSync(path: string): Promise<Finding> {
  const file = join(path, `.doctor-${process.pid}`)
  const times: number[] = []
  try {
    const handle = await open(file, 'wx', 0o600)
    try {
      for (let count = 0; count < SYNCS; count++) {
        const started = performance.now()
        await handle.write(Buffer.alloc(SYNC_BYTES))
        await handle.datasync()
        times.push(performance.now() - started)
      }
    } finally {
      await handle.close()
      await unlink(file)
    }
  } catch (error) {
    return problem('sync', `cannot write to ${path}: ${messageOf(error)}`, 'look at the disk: dmesg, df')
  }
  const median = times.sort((a, b) => a - b)[Math.floor(SYNCS / 2)]
  const found = `a write is durable in ${median.toFixed(2)} ms (median of ${SYNCS})`
  if (median <= SLOW_SYNC_MS) return ok('sync', found)
  return warning('sync', found, 'every answer waits for one: use a local SSD, not a network or a spinning disk')
}
