import { FailureLimiter } from '../../common/failure-limiter.ts'
import { clientKey } from './limits.ts'
import { refused, type LoginMethod } from './method.ts'

/** Each click stores a record, so clicks are limited. */
const MAX_CLICKS = 60
const WITHIN_MS = 10 * 60_000

/** Login method `click`: the client accepts the terms. */
export function clickThrough(): LoginMethod {
  const clicks = new FailureLimiter(MAX_CLICKS, WITHIN_MS)
  return {
    login(attempt) {
      const key = clientKey(attempt)
      if (!clicks.allows(key, attempt.now)) return Promise.resolve(refused('error.rate', 429))
      clicks.failed(key, attempt.now)
      return Promise.resolve({ granted: true, account: '', until: null, validateBy: null })
    },
  }
}
