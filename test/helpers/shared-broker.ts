import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import type { Test } from 'tap'
import type { KafkaOptions } from '../../log/kafka/client/port.ts'
import { askService } from './services.ts'

/** Brokers as clients see them. */
export interface Reachable {
  /** The options with which a client connects to them. */
  options(clientId?: string, overrides?: Partial<KafkaOptions>): KafkaOptions
}

/** A broker that other test files use at the same time, each with its own names. Do not stop or change it. */
export interface SharedBroker extends Reachable {
  readonly brokers: readonly string[]
  /** Only this file uses topics and groups whose names begin with it. */
  readonly prefix: string
}

/** The broker of this run of the suite; a test file that runs alone starts one, which is stopped when the test ends. */
export async function sharedBroker(t: Test): Promise<SharedBroker> {
  const brokers = await addresses(t)
  return {
    brokers,
    prefix: `t${randomBytes(4).toString('hex')}.`,
    options: (clientId = 'test', overrides = {}) => ({
      brokers,
      clientId,
      tls: null,
      sasl: null,
      logger: pino({ level: 'silent' }),
      ...overrides,
    }),
  }
}

async function addresses(t: Test): Promise<string[]> {
  // Imported for its effect: without Java the file is skipped.
  await import('./need-kafka.ts')
  const shared = await askService<{ brokers: string[] }>('kafka')
  return (shared ?? (await (await import('./kafka.ts')).singleBroker(t))).brokers
}
