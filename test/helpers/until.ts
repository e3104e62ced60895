import { setTimeout as sleep } from 'node:timers/promises'

/** What has not come by then never comes: it ends tests that would wait for ever, and is long for a machine that others keep busy. */
export const NEVER_MS = 180_000

/** Whether it holds, sooner or later; an error is a no. */
export async function until(holds: () => boolean | Promise<boolean>, everyMs = 50): Promise<boolean> {
  const deadline = performance.now() + NEVER_MS
  while (performance.now() < deadline) {
    if (
      await Promise.resolve()
        .then(holds)
        .catch(() => false)
    )
      return true
    await sleep(everyMs)
  }
  return false
}

/** What is answered once it is enough; after a time that is no use waiting longer, the last answer. */
export async function untilEnough<T>(ask: () => Promise<T>, enough: (answer: T) => boolean, everyMs = 100): Promise<T> {
  const deadline = performance.now() + NEVER_MS
  for (;;) {
    const answer = await ask()
    if (enough(answer) || performance.now() > deadline) return answer
    await sleep(everyMs)
  }
}
