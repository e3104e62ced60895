import { setTimeout as sleep } from 'node:timers/promises'
import { DEMO_BATCHES } from '../runtime/ingest-process/worker.ts'
import { startingWith, type Timeline } from './events.ts'
import type { Sender } from './sender.ts'

/** Each record is a batch of its own, and a worker refuses those beyond DEMO_BATCHES of a topic. */
export const AT_ONCE = DEMO_BATCHES - 8

/**
 * Sends everything before `until`, some at a time, in the order of time.
 * @returns what is left
 * @throws GatepostError of Sender.send()
 */
export async function fill(
  events: Timeline,
  sender: Sender,
  until: number,
  stopped: AbortSignal,
  progress: (at: number) => void,
): Promise<Timeline> {
  let next = events.next().value
  let failed = false
  const work = async () => {
    while (next.at < until && !failed && !stopped.aborted) {
      const event = next
      next = events.next().value
      progress(event.at)
      await sender.send(event).catch((error: unknown) => {
        failed = true
        throw error
      })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return startingWith(next, events)
}

const LONGEST_PAUSE_MS = 60_000

/** Goes on in real time until it is told to stop. What cannot be sent is left out: the instance may be stopping. */
export async function goOn(events: Timeline, sender: Sender, stopped: AbortSignal): Promise<void> {
  let event = events.next().value
  while (!stopped.aborted) {
    const wait = event.at - Date.now()
    if (wait > 0) await sleep(Math.min(wait, LONGEST_PAUSE_MS), undefined, { signal: stopped }).catch(() => {})
    else {
      sender.send(event).catch(() => {})
      event = events.next().value
    }
  }
}
