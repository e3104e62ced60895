import { setTimeout as sleep } from 'node:timers/promises'
import { DEMO_BATCHES } from '../../ingest/worker.ts'
import type { DemoEvent } from './events.ts'
import type { Sender } from './sender.ts'

/** Each record is a batch of its own, and a worker refuses those beyond DEMO_BATCHES of a topic. */
export const AT_ONCE = DEMO_BATCHES - 8

/**
 * Sends everything before `until`, some at a time, in the order of time.
 * @param first comes before all others
 * @returns the first event that was left
 * @throws GatepostError of Sender.send()
 */
export async function fill(
  events: Iterator<DemoEvent, never>,
  sender: Sender,
  until: number,
  stopped: AbortSignal,
  progress: (at: number) => void,
  first: DemoEvent = events.next().value,
): Promise<DemoEvent> {
  let next = first
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
  return next
}

const LONGEST_PAUSE_MS = 60_000

/** Goes on in real time until it is told to stop. What cannot be sent is left out: the instance may be stopping. */
export async function goOn(
  first: DemoEvent,
  events: Iterator<DemoEvent, never>,
  sender: Sender,
  stopped: AbortSignal,
): Promise<void> {
  let event = first
  while (!stopped.aborted) {
    const wait = event.at - Date.now()
    if (wait > 0) await sleep(Math.min(wait, LONGEST_PAUSE_MS), undefined, { signal: stopped }).catch(() => {})
    else {
      sender.send(event).catch(() => {})
      event = events.next().value
    }
  }
}
