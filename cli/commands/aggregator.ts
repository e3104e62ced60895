import type { Command } from 'commander'
import { requireVariables } from '../../runtime/config/required.ts'
import type { Context } from '../context.ts'
import { effectiveConfig } from './effective-config.ts'

/** `gatepost aggregator`: Kafka into ClickHouse. */
export function registerAggregator(program: Command, context: Context): void {
  program
    .command('aggregator')
    .summary('bring records from Kafka into a ClickHouse server')
    .description(
      'Read the records from Kafka and insert each into its table once, until SIGTERM or Ctrl-C. Several share the work: ' +
        'Kafka gives each its partitions. It keeps nothing on disk. GATEPOST_KAFKA_BROKERS and GATEPOST_CLICKHOUSE_URL are ' +
        'required, and GATEPOST_SECRET once somebody was forgotten (gatepost forget); gatepost config lists all options.',
    )
    .addHelpText(
      'after',
      `
Examples:
  GATEPOST_KAFKA_BROKERS=kafka-1:9092 GATEPOST_CLICKHOUSE_URL=http://user:pass@host:8123/gatepost gatepost aggregator`,
    )
    .action(async () => {
      const config = effectiveConfig(context)
      requireVariables(config, 'aggregator', ['kafkaBrokers', 'clickhouseUrl'])
      const { aggregator } = await import('../../runtime/supervisor/aggregator.ts')
      context.exitStatus = await aggregator(config)
    })
}
