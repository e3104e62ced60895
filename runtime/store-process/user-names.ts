import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { UserNameRule } from '../../common/user-name.ts'
import type { AccessLog } from '../../access/log.ts'
import { decideUserNameRule } from '../../store/user-names.ts'
import type { Store } from '../../store/contract.ts'
import { otherRule, publishedRule, USER_NAMES_SUBJECT, type UserNamesOption } from '../ingest-process/user-names.ts'

const LOOK_MS = 200
const RETRY_MS = 5000

/**
 * The rule of the tables; new tables take the option.
 * @throws GatepostError CONFIG_INVALID: GATEPOST_USERNAMES is another rule
 */
export async function decideUserNames(store: Store, option: UserNamesOption, logger: Logger): Promise<UserNameRule> {
  const rule = await decideUserNameRule(store, option.rule)
  if (option.chosen && option.rule !== rule) throw otherRule(option.rule, rule)
  logger.info({ event: 'user_names.rule', rule }, `user names are stored by the rule ${rule}`)
  return rule
}

/** Tells ingest workers the rule of the tables through the access log, as soon as that has been read. */
export function publishUserNames(access: AccessLog, rule: UserNameRule, logger: Logger): void {
  const again = (ms: number) => setTimeout(() => void publish(), ms).unref()
  const publish = async () => {
    if (!access.known) return again(LOOK_MS)
    const published = publishedRule(access)
    if (published === rule) return
    if (published !== null) {
      logger.error(
        { event: 'user_names.rules_differ', published, rule },
        'ingest stores user names by another rule than the tables: these tables and this access log belong to two installations',
      )
      return
    }
    try {
      const now = Date.now()
      await access.claim(USER_NAMES_SUBJECT, {
        verdict: 'allow',
        reason: '',
        until: null,
        updatedAt: now,
        data: { value: rule },
      })
    } catch (error) {
      logger.warn(
        { event: 'user_names.publication_failed', error: messageOf(error) },
        'access log: cannot tell ingest the rule of user names; retrying',
      )
      again(RETRY_MS)
    }
  }
  void publish()
}
