import { execFileSync } from 'node:child_process'
import { userInfo } from 'node:os'
import { GatepostError, messageOf } from '../common/errors.ts'
import type { Environment } from './config/config.ts'
import { VARIABLES } from './config/variables.ts'

const { env: NAME, allowed } = VARIABLES.user

/**
 * Gives up the rights of root, for good: this process and all it starts then have those of the user in GATEPOST_USER. Does nothing if that is
 * unset, or is who runs it already.
 * @throws GatepostError CONFIG_INVALID: there is no such user, or only root could become it
 */
export function becomeUser(env: Environment): void {
  const name = env[NAME]?.trim()
  if (name === undefined || name === '' || name === userInfo().username) return
  const refused = (reason: string, cause?: unknown) =>
    new GatepostError('CONFIG_INVALID', `${NAME}=${name}: ${reason}. Allowed: ${allowed}`, cause)
  // Before it becomes an argument of id(1).
  if (!VARIABLES.user.schema.safeParse(name).success) throw refused('not allowed')
  if (process.getuid?.() !== 0) throw refused(`only root can become another user, not ${userInfo().username}`)
  const [uid, gid] = ['-u', '-g'].map((option) => idOf(option, name))
  if (Number.isNaN(uid) || Number.isNaN(gid)) throw refused('there is no such user')
  try {
    initGroups(name, gid)
    process.setgid?.(gid)
    process.setuid?.(uid)
  } catch (error) {
    throw refused(messageOf(error), error)
  }
}

/** Takes the user's groups from the system's list; @types/node does not know the function. */
function initGroups(name: string, gid: number): void {
  ;(process as NodeJS.Process & { initgroups?(user: string, extraGroup: number): void }).initgroups?.(name, gid)
}

/** The number that id(1) prints; NaN: it knows no such user. Node.js cannot ask for the group of a user. */
function idOf(option: string, name: string): number {
  try {
    return Number(execFileSync('id', [option, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  } catch {
    return NaN
  }
}
