import { SUBJECTS } from '../../access/subjects.ts'
import type { Logger } from '../../common/logger.ts'
import type { CutOff } from '../../reporter/dashboard/options.ts'
import { openKnownAccess } from '../open-access.ts'
import type { AccessDescription } from '../messages.ts'

/** Denies a session for good, as `gatepost access deny session` does. The access log is opened for each decision, one after the other. */
export function cutOff(access: AccessDescription, logger: Logger): CutOff {
  let last: Promise<unknown> = Promise.resolve()
  return (sessionId, reason) => {
    const mine = last.then(() => deny(access, sessionId, reason, logger))
    last = mine.catch(() => {})
    return mine
  }
}

async function deny(access: AccessDescription, sessionId: string, reason: string, logger: Logger): Promise<void> {
  const log = await openKnownAccess(access, logger)
  try {
    await log.put(SUBJECTS.session.of(sessionId), { verdict: 'deny', reason, until: null, updatedAt: Date.now() })
  } finally {
    await log.close()
  }
}
