import type { Logger } from '../../common/logger.ts'
import type { LogReader } from '../../log/contract.ts'
import { Archive, type Erased } from '../../log/journal/archive.ts'
import { JournalReader } from '../../log/journal/reader.ts'
import { STREAMS } from '../../schemas/streams/index.ts'
import type { AggregatorStats } from '../../aggregator/stats.ts'
import type { ReaderLog } from '../messages.ts'
import { journalReaderMetrics, kafkaReaderMetrics } from '../metrics.ts'

/** A reader of the record log, with its metrics. */
export interface OpenedReader {
  readonly reader: LogReader
  /** Metrics of the reader, in addition to the aggregator's. */
  metrics(stats: AggregatorStats): Promise<object[]>
  /** Bytes not yet stored that only this instance can store. */
  left(): Promise<number>
}

/**
 * @param erased the current erased subjects; the archive keeps no records of theirs
 * @throws GatepostError LOG_UNAVAILABLE
 */
export async function openReader(log: ReaderLog, erased: () => Promise<Erased>, logger: Logger): Promise<OpenedReader> {
  return log.kind === 'journal' ? openJournal(log, erased, logger) : openKafka(log, logger)
}

async function openJournal(
  log: Extract<ReaderLog, { kind: 'journal' }>,
  erased: () => Promise<Erased>,
  logger: Logger,
): Promise<OpenedReader> {
  const { directory, partition } = log
  const archive = log.archive && (await Archive.open(log.archive.directory, log.archive))
  const reader = new JournalReader({ directory, partition, ...(archive && { archive }), erased, logger })
  return {
    reader,
    metrics: (stats) => journalReaderMetrics(reader.stats, stats, archive?.usedBytes ?? 0).json(),
    left: async () => {
      const lags = await Promise.all(STREAMS.map((stream) => reader.lag(stream)))
      return lags.reduce((sum, lag) => sum + lag.bytes, 0)
    },
  }
}

async function openKafka(log: Extract<ReaderLog, { kind: 'kafka' }>, logger: Logger): Promise<OpenedReader> {
  const { KafkaReader } = await import('../../log/kafka/reader.ts')
  const { kafka, topicPrefix, group } = log
  const reader = await KafkaReader.open({ kafka: { ...kafka, logger }, topicPrefix, group, logger })
  return {
    reader,
    metrics: () => kafkaReaderMetrics(reader).json(),
    // Records written since then are left to the next reader of the group.
    left: () => Promise.resolve(0),
  }
}
