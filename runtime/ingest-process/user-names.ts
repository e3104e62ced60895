import { GatepostError } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { isUserNameRule, type UserNameRule } from '../../common/user-name.ts'
import type { AccessLog } from '../../access/log.ts'
import { SUBJECTS } from '../../access/subjects.ts'

/** By which rule a process writes user names, unless the installation has decided on another. */
export interface UserNamesOption {
  readonly rule: UserNameRule
  /** Whether GATEPOST_USERNAMES says so: then it must be what the installation has decided. */
  readonly chosen: boolean
}

/** Where the process with the store publishes the rule. */
export const USER_NAMES_SUBJECT = SUBJECTS.setting.of('user_names')

/** Null: not published yet, or by a later version that has other rules. */
export function publishedRule(access: AccessLog): UserNameRule | null {
  const value = SUBJECTS.setting.dataOf(access.get(USER_NAMES_SUBJECT, Date.now()))?.value
  return isUserNameRule(value) ? value : null
}

/** The error of a process whose option is not the installation's rule. */
export function otherRule(chosen: UserNameRule, kept: UserNameRule): GatepostError {
  return new GatepostError(
    'CONFIG_INVALID',
    `GATEPOST_USERNAMES=${chosen}: this installation stores user names by the rule ${kept}, and names of two rules would count as two people. ` +
      `Set GATEPOST_USERNAMES=${kept}, or leave it unset; for another rule, start with a new data directory and new tables`,
  )
}

const KNOWN_LOOK_MS = 200

/** The rule of one ingest worker, which starts before the store and perhaps without Kafka. */
export class UserNames {
  /** Changes at most once, soon after the start. */
  current: UserNameRule
  readonly #option: UserNamesOption
  readonly #access: AccessLog
  readonly #logger: Logger

  /** @throws GatepostError CONFIG_INVALID: the installation has another rule; if found out later, it ends the process */
  constructor(option: UserNamesOption, access: AccessLog, logger: Logger) {
    this.current = option.rule
    this.#option = option
    this.#access = access
    this.#logger = logger
    this.#look()
    access.watch((subject) => {
      if (subject === USER_NAMES_SUBJECT) setImmediate(() => this.#look())
    })
    // Entries that were read before the log was known have no effect until then.
    if (!access.known) {
      const waiting = setInterval(() => {
        if (!access.known) return
        clearInterval(waiting)
        this.#look()
      }, KNOWN_LOOK_MS)
      waiting.unref()
    }
    logger.info({ event: 'user_names.rule', rule: this.current }, `user names are stored by the rule ${this.current}`)
  }

  #look(): void {
    const rule = publishedRule(this.#access)
    if (rule === null || rule === this.current) return
    if (this.#option.chosen) throw otherRule(this.current, rule)
    this.#logger.warn(
      { event: 'user_names.rule_changed', rule, before: this.current },
      `user names are stored by the rule ${rule} from now on, as in the tables of this installation`,
    )
    this.current = rule
  }
}
