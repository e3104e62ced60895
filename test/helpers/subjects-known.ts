import type { Instance } from './instance.ts'
import { until } from './until.ts'

/**
 * Waits until every ingest worker knows decisions about this many subjects. Workers read the log in order: a worker that knows the last
 * subject knows all earlier decisions.
 */
export function subjectsKnown(instance: Instance, count: number): Promise<boolean> {
  return until(async () => {
    const text = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
    const known = [...text.matchAll(/^gatepost_access_subjects\{process="ingest-\d+"\} (\d+)$/gm)]
    return known.length > 0 && known.every(([, subjects]) => Number(subjects) >= count)
  })
}
