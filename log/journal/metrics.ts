import type { PlainMetrics } from '../../common/metrics.ts'
import type { JournalWriter } from './writer.ts'

/** Adds metrics of a worker's slot to its process's metrics. */
export function addJournalMetrics(metrics: PlainMetrics, journal: JournalWriter): void {
  metrics.add('gauge', 'gatepost_journal_bytes', 'Bytes of the journal not yet stored', () => [
    { value: journal.usedBytes },
  ])
  metrics.add('gauge', 'gatepost_journal_max_bytes', 'Maximum size of the journal', () => [{ value: journal.maxBytes }])
}
