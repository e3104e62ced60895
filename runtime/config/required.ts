import { GatepostError } from '../../common/errors.ts'
import type { Config } from './config.ts'

/** The purpose and an example of each variable that some command requires. */
const NEEDED = {
  kafkaBrokers: {
    env: 'GATEPOST_KAFKA_BROKERS',
    purpose: 'separate processes hand records to each other through Kafka',
    example: 'GATEPOST_KAFKA_BROKERS=kafka-1:9092,kafka-2:9092',
  },
  clickhouseUrl: {
    env: 'GATEPOST_CLICKHOUSE_URL',
    purpose: 'a separate process needs a ClickHouse server: only gatepost serve can use the embedded store',
    example: 'GATEPOST_CLICKHOUSE_URL=http://gatepost:password@clickhouse:8123/gatepost',
  },
  secret: {
    env: 'GATEPOST_SECRET',
    purpose: 'with Kafka, every process that answers gateways must have the same token key',
    example: 'GATEPOST_SECRET="$(openssl rand -base64 32)", generated once and set for all processes',
  },
} as const satisfies Partial<Record<keyof Config, { env: string; purpose: string; example: string }>>

export type Needed = keyof typeof NEEDED

/**
 * Checks variables that a command requires beyond the defaults.
 * @throws GatepostError CONFIG_INVALID naming every missing variable, its purpose, and an example
 */
export function requireVariables(config: Config, command: string, names: readonly Needed[]): void {
  const problems = names
    .filter((name) => config[name] === undefined)
    .map((name) => {
      const { env, purpose, example } = NEEDED[name]
      return `${env} is not set, gatepost ${command} needs it: ${purpose}; for example ${example}`
    })
  if (problems.length > 0) throw new GatepostError('CONFIG_INVALID', problems.join('\n'))
}
