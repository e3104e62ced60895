import { setTimeout as sleep } from 'node:timers/promises'
import { DEMO_BATCHES } from '../runtime/ingest-process/worker.ts'
import { startingWith, type Timeline } from './events.ts'
import type { Sender } from './sender.ts'

/** Each record is its own batch, and a worker refuses more than DEMO_BATCHES batches of a topic. */
export const AT_ONCE = DEMO_BATCHES - 8

/**
 * Sends all events before `until` in time order, several at a time.
 * @returns the remaining events
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

/** Continues in real time until it is stopped. Events that cannot be sent are skipped: the instance may be stopping. */
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
