import type { PlainMetrics } from '../../common/metrics.ts'
import type { JournalWriter } from './writer.ts'

/** Adds what a worker's slot of the journal reports to its process's metrics. */
export function addJournalMetrics(metrics: PlainMetrics, journal: JournalWriter): void {
  metrics.add('gauge', 'gatepost_journal_bytes', 'Bytes of the journal that are not in their tables yet', () => [
    { value: journal.usedBytes },
  ])
  metrics.add('gauge', 'gatepost_journal_max_bytes', 'Bound of the journal', () => [{ value: journal.maxBytes }])
}
