import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { jsonFileText, readJsonFile } from '../../common/json-file.ts'
import { GatepostError } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { STREAMS, type Stream } from '../../schemas/streams/index.ts'
import { withAdmin } from './client/admin.ts'
import { KafkaUnavailable } from './client/errors.ts'
import type { KafkaOptions } from './client/port.ts'
import { kafkaTopic } from './topic-names.ts'
import { REPAIR_COMMAND } from './topics.ts'

export type PartitionCounts = ReadonlyMap<Stream, number>

const FILE = 'partitions.json'

/** The number of partitions of each topic; missing topics are left out. @throws GatepostError LOG_UNAVAILABLE */
export async function fetchPartitionCounts(options: KafkaOptions, prefix: string): Promise<PartitionCounts> {
  const counts = new Map<Stream, number>()
  await withAdmin(options, async (admin) => {
    for (const stream of STREAMS) {
      const name = kafkaTopic(prefix, stream)
      // A topic that does not exist, or has a partition without a leader, is left out.
      const partitions = await admin.partitions(name).catch(() => [])
      if (partitions.length > 0) counts.set(stream, partitions.length)
    }
  })
  return counts
}

/**
 * The partition counts for a start: from the brokers or, if none can be reached, as saved by the last start. So a process that starts during
 * an outage writes to its spill; one that has never reached the brokers, or whose login they refuse, does not start.
 * @throws GatepostError LOG_UNAVAILABLE, LOG_MISCONFIGURED
 */
export async function countsAtStart(
  options: KafkaOptions,
  prefix: string,
  directory: string,
  logger: Logger,
): Promise<PartitionCounts> {
  const saved = load(directory, options, prefix)
  let counts: PartitionCounts
  try {
    counts = await fetchPartitionCounts(options, prefix)
  } catch (error) {
    if (saved === null || !(error instanceof KafkaUnavailable) || error.problem !== 'away') throw error
    logger.error(
      { event: 'kafka.unreachable', err: error },
      'Kafka writer: no broker can be reached; starting anyway, records go to the spill until Kafka is back',
    )
    return saved
  }
  const missing = STREAMS.filter((stream) => !counts.has(stream)).map((stream) => kafkaTopic(prefix, stream))
  if (missing.length > 0 && saved === null) {
    throw new GatepostError(
      'LOG_MISCONFIGURED',
      `topics missing on Kafka, or without a leader: ${missing.join(', ')}; to repair: ${REPAIR_COMMAND}`,
    )
  }
  counts = new Map([...(saved ?? []), ...counts])
  save(directory, options, prefix, counts)
  return counts
}

export function save(directory: string, options: KafkaOptions, prefix: string, counts: PartitionCounts): void {
  const path = join(directory, FILE)
  writeFileSync(`${path}.new`, jsonFileText({ log: logName(options, prefix), counts: Object.fromEntries(counts) }))
  renameSync(`${path}.new`, path)
}

const savedSchema = z.object({ log: z.string(), counts: z.partialRecord(z.enum(STREAMS), z.number().int().positive()) })

function load(directory: string, options: KafkaOptions, prefix: string): PartitionCounts | null {
  const saved = readJsonFile(join(directory, FILE), savedSchema)
  // Brokers that were never reached point to a mistake, not an outage.
  if (saved === null || saved.log !== logName(options, prefix)) return null
  const counts = Object.entries(saved.counts) as [Stream, number][]
  return STREAMS.every((stream) => saved.counts[stream] !== undefined) ? new Map(counts) : null
}

function logName(options: KafkaOptions, prefix: string): string {
  return `${[...options.brokers].sort().join(',')}/${prefix}`
}
