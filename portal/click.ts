import { AttemptLimits, CLICKS } from './limits.ts'
import { limitedBy, type LoginMethod } from './method.ts'

/** Login method `click`: the client accepts the terms. Each click stores a record, so clicks are limited. */
export function clickThrough(): LoginMethod {
  const clicks = new AttemptLimits(CLICKS)
  return {
    login({ origin, now }) {
      const limited = clicks.refusal(origin, now)
      if (limited !== null) return Promise.resolve(limitedBy(limited))
      clicks.tried(origin, now)
      return Promise.resolve({ granted: true, account: '', until: null, validateBy: null })
    },
  }
}
