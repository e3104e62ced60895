import { setTimeout as sleep } from 'node:timers/promises'

/** Ends tests that would wait for ever; long enough for a machine that is busy with other work. */
export const NEVER_MS = 180_000

/** Waits until a condition is true. An error counts as false. @returns whether it became true */
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

/** Repeats a request until its answer is sufficient. @returns the last answer; after the time limit, an insufficient one */
export async function untilEnough<T>(ask: () => Promise<T>, enough: (answer: T) => boolean, everyMs = 100): Promise<T> {
  const deadline = performance.now() + NEVER_MS
  for (;;) {
    const answer = await ask()
    if (enough(answer) || performance.now() > deadline) return answer
    await sleep(everyMs)
  }
}
