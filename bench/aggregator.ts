import { mkdtemp, open, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startAggregator } from '../aggregator/aggregator.ts'
import { createLogger } from '../common/logger.ts'
import { KafkaReader } from '../log/kafka/reader.ts'
import { makeTopics, SimpleWriter } from '../log/kafka/test/simple-writer.ts'
import { recordSchema } from '../schemas/avro.ts'
import { blockHeader, containerHeader } from '../schemas/container.ts'
import type { Store } from '../store/contract.ts'
import { openEmbeddedStore } from '../store/embedded/open.ts'
import { recordColumns } from '../store/exactly-once/columns.ts'
import { recordStructure } from '../store/exactly-once/statement.ts'
import { makeBatch, type MadeBatch } from '../schemas/test/records.ts'
import { KafkaCluster } from '../test/helpers/kafka.ts'
import { describeMachine, machineText } from './machine.ts'
import { benchOptions, progress } from './options.ts'
import { median } from './statistics.ts'
import { againstLimit, table } from './table.ts'

/*
 * How fast does the aggregator bring a lag from Kafka into the store? Against the engine alone, which reads the same records from one
 * Avro file in one statement, with all cores: no broker, no look-up, no fence, no commits.
 */

const LIMIT = 0.7
const PARTITIONS = 6
const RECORDS_PER_BATCH = 400
const BATCHES_PER_SECOND_OF_LOAD = 500
const TOPIC = 'post_auth'

const options = benchOptions(
  `How fast does the aggregator bring what waits in Kafka into the store? Limit: ${LIMIT} of what the engine alone does
with the same records in a file. Needs Java and Maven, for a real broker.
--seconds N stands for ${RECORDS_PER_BATCH * BATCHES_PER_SECOND_OF_LOAD} N records; --connections is not used.

Usage: node dist/bench/aggregator.js [options]

Examples:
  node dist/bench/aggregator.js
  node dist/bench/aggregator.js --seconds 20 --rounds 3`,
  { seconds: 8, rounds: 3 },
)

const logger = createLogger('bench')
logger.level = 'error'

/** Logins of many people at many sites within a few minutes. */
function batch(index: number, start: number): MadeBatch {
  const records = Array.from({ length: RECORDS_PER_BATCH }, (_, place) => {
    const person = (index * RECORDS_PER_BATCH + place) * 2654435761
    const hex = (person >>> 0).toString(16).toUpperCase().padStart(8, '0')
    const mac = `50-A6-${hex.slice(0, 2)}-${hex.slice(2, 4)}-${hex.slice(4, 6)}-${hex.slice(6, 8)}`
    return { username: hex.slice(0, 6), mac, site_ip: `192.0.2.${person % 250}`, task_id: `task-${person % 9}` }
  })
  return makeBatch(TOPIC, start + index * 20, records)
}

async function writeFileOf(path: string, batches: readonly MadeBatch[]): Promise<void> {
  const schema = recordSchema(TOPIC)
  const file = await open(path, 'w')
  await file.write(containerHeader(schema))
  for (const { recordCount, records } of batches) {
    await file.write(Buffer.concat([blockHeader(recordCount, records.byteLength), records, schema.fingerprint]))
  }
  await file.close()
}

async function rowsOf(store: Store): Promise<number> {
  const [row] = await store.query<{ n: number }>(`SELECT toUInt32(count()) AS n FROM gatepost.${TOPIC}`)
  return row.n
}

async function engineAlone(store: Store, path: string): Promise<number> {
  const columns = recordColumns(recordSchema(TOPIC))
  const start = performance.now()
  await store.command(
    `INSERT INTO gatepost.${TOPIC} (${columns.map(({ name }) => name).join(', ')})
     SELECT ${columns.map(({ name, expression }) => `${expression} AS ${name}`).join(', ')}
     FROM file('${path}', 'Avro', ${recordStructure(recordSchema(TOPIC))})
     SETTINGS max_insert_threads = ${cpus().length}, parallel_view_processing = 1`,
  )
  return (performance.now() - start) / 1000
}

/** From the moment that the group has settled: joining it is no work of the aggregator's. */
async function aggregated(store: Store, kafka: KafkaCluster, round: number, records: number): Promise<number> {
  const reader = await KafkaReader.open({
    kafka: kafka.options('bench'),
    topicPrefix: 'bench.',
    group: `bench-${round}-${process.pid}`,
    logger,
  })
  const start = performance.now()
  const aggregator = startAggregator({ reader, store, logger })
  const rows = () => aggregator.stats().get(TOPIC)?.rows ?? 0
  while (rows() < records) await sleep(10)
  const seconds = (performance.now() - start) / 1000
  await aggregator.stop()
  await reader.close()
  return seconds
}

const machine = await describeMachine()
const directory = await mkdtemp(join(tmpdir(), 'gatepost-bench-'))
progress('starting a broker')
const kafka = await KafkaCluster.start(join(directory, 'kafka'), { brokers: 1 })
const store = await openEmbeddedStore({ path: join(directory, 'store'), logger, inserters: 2 })
try {
  await store.migrate()
  const count = options.seconds * BATCHES_PER_SECOND_OF_LOAD
  const start = Date.now() - count * 20 - 60_000
  const batches = Array.from({ length: count }, (_, index) => batch(index, start))
  const records = count * RECORDS_PER_BATCH
  const bytes = batches.reduce((sum, one) => sum + one.records.byteLength, 0)
  progress('writing the file and the topic')
  const path = join(directory, 'all.avro')
  await writeFileOf(path, batches)
  await makeTopics(kafka.options(), 'bench.', PARTITIONS)
  const writer = new SimpleWriter(kafka.options(), 'bench.')
  await Promise.all(
    Array.from({ length: PARTITIONS }, async (_, partition) => {
      for (let index = partition; index < count; index += PARTITIONS) await writer.append(batches[index], partition)
    }),
  )
  await writer.close()

  const rounds: { alone: number; aggregator: number }[] = []
  for (let round = 0; round < options.rounds; round++) {
    progress(`round ${round + 1} of ${options.rounds}`)
    const alone = await engineAlone(store, path)
    if ((await rowsOf(store)) !== records) throw new Error('the engine alone did not store every record')
    await store.command(`TRUNCATE TABLE gatepost.${TOPIC}`)
    const seconds = await aggregated(store, kafka, round, records)
    if ((await rowsOf(store)) !== records) throw new Error('the aggregator did not store every record once')
    await store.command(`TRUNCATE TABLE gatepost.${TOPIC}`)
    rounds.push({ alone: records / alone, aggregator: records / seconds })
  }
  progress('')
  const ratios = rounds.map(({ alone, aggregator }) => aggregator / alone)
  const figures = {
    records,
    mib: Math.round(bytes / 2 ** 20),
    engine_alone_records_per_second: Math.round(median(rounds.map(({ alone }) => alone))),
    aggregator_records_per_second: Math.round(median(rounds.map(({ aggregator }) => aggregator))),
    ratio: Number(median(ratios).toFixed(3)),
    ratio_min: Number(Math.min(...ratios).toFixed(3)),
    ratio_max: Number(Math.max(...ratios).toFixed(3)),
  }
  if (options.json) {
    process.stdout.write(JSON.stringify({ bench: 'aggregator', machine, limit: LIMIT, ...figures }) + '\n')
  } else {
    const rows = [
      ['engine alone, one file', figures.engine_alone_records_per_second.toLocaleString('en'), '1.00', ''],
      [
        'aggregator, from Kafka',
        figures.aggregator_records_per_second.toLocaleString('en'),
        figures.ratio.toFixed(2),
        `${figures.ratio_min.toFixed(2)}-${figures.ratio_max.toFixed(2)}`,
      ],
    ]
    process.stdout.write(`${records.toLocaleString('en')} logins, ${figures.mib} MiB, into post_auth with its views
${machineText(machine)}

${table(['', 'records/s', 'ratio', 'of rounds'], rows)}

${againstLimit('aggregator', figures.ratio, LIMIT)}
`)
  }
} finally {
  await store.close()
  await kafka.destroy()
  await rm(directory, { recursive: true, force: true })
}
process.exit(0)
