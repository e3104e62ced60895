import type { Command } from 'commander'
import { requireVariables } from '../../runtime/config/required.ts'
import type { Context } from '../context.ts'
import { effectiveConfig } from './effective-config.ts'

/** `gatepost ingest`: the listeners, and nothing else. */
export function registerIngest(program: Command, context: Context): void {
  program
    .command('ingest')
    .summary('run the listeners alone, in front of Kafka')
    .description(
      'Answer gateways and RADIUS servers and write their records to Kafka, until SIGTERM or Ctrl-C. What Kafka does not ' +
        'take in time is kept in the data directory and sent again. GATEPOST_KAFKA_BROKERS and GATEPOST_SECRET are required; ' +
        'gatepost config lists all options.',
    )
    .addHelpText(
      'after',
      `
Examples:
  GATEPOST_KAFKA_BROKERS=kafka-1:9092,kafka-2:9092 GATEPOST_SECRET=... gatepost ingest
  GATEPOST_BIND=0.0.0.0 GATEPOST_INGEST_CREDENTIALS=radius-1:0123456789abcdef GATEPOST_WORKERS=4 gatepost ingest`,
    )
    .action(async () => {
      const config = effectiveConfig(context)
      requireVariables(config, 'ingest', ['kafkaBrokers', 'secret'])
      const { ingest } = await import('../../runtime/supervisor/ingest.ts')
      context.exitStatus = await ingest(config)
    })
}
