import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { readLimits, softLimit } from '../../common/process-limits.ts'
import { loadUws } from '../../ingest/listeners/uws.ts'
import { messageOf } from '../../common/errors.ts'
import { ok, problem, warning, type Finding } from './finding.ts'

/** A worker holds a quarter of its descriptors for files; see docs/security.md. */
const ENOUGH_FILES = 4096
const TIMEDATECTL_MS = 2000

/** Node.js, the limit of open files, the user, the clock. */
export async function checkMachine(): Promise<Finding[]> {
  return [checkNode(), ...checkFiles(), ...checkUser(), ...(await checkClock())]
}

function checkNode(): Finding {
  try {
    loadUws()
    return ok('node', `Node.js ${process.versions.node} on ${process.platform} ${process.arch}`)
  } catch (error) {
    return problem('node', messageOf(error), 'install one of the versions of Node.js that the message names')
  }
}

function checkFiles(): Finding[] {
  const limit = softLimit(readLimits(), 'Max open files')
  if (limit === undefined) return []
  const found = `${limit} open files for this user in this shell`
  if (limit >= ENOUGH_FILES) return [ok('descriptors', found)]
  return [
    warning('descriptors', found, `raise the limit to ${ENOUGH_FILES} or more: ulimit -n, or LimitNOFILE= of the unit`),
  ]
}

function checkUser(): Finding[] {
  if (process.getuid?.() !== 0) return []
  return [warning('user', 'this is root', 'run it as a user of its own, or set GATEPOST_USER')]
}

/** Whether the clock is kept by NTP, where systemd says so. Every record has the time of this clock. */
async function checkClock(): Promise<Finding[]> {
  try {
    const { stdout } = await promisify(execFile)('timedatectl', ['show', '-p', 'NTPSynchronized', '--value'], {
      timeout: TIMEDATECTL_MS,
    })
    if (stdout.trim() === 'yes') return [ok('clock', 'kept by NTP')]
    if (stdout.trim() !== 'no') return []
    return [
      warning('clock', 'not kept by NTP', 'install chrony or systemd-timesyncd: records have the time of this clock'),
    ]
  } catch {
    // No systemd, or none that runs: nothing is known.
    return []
  }
}
