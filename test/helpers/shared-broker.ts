import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import type { Test } from 'tap'
import type { KafkaOptions } from '../../log/kafka/client/port.ts'

/** Where the test files of one run find what they share. */
export const SERVICES_VARIABLE = 'GATEPOST_TEST_SERVICES'

/** Brokers as clients see them. */
export interface Reachable {
  /** How a client reaches them. */
  options(clientId?: string, overrides?: Partial<KafkaOptions>): KafkaOptions
}

/** A broker that other test files use at the same time: each under names of its own. It is neither stopped nor changed. */
export interface SharedBroker extends Reachable {
  readonly brokers: readonly string[]
  /** Topics and groups whose names begin with it are this file's alone. */
  readonly prefix: string
}

/** The broker of this run of the suite; a test file that is run by itself starts one, which goes when the test ends. */
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
  // For its effect: without Java the file is skipped.
  await import('./need-kafka.ts')
  const services = process.env[SERVICES_VARIABLE]
  if (services === undefined) return (await (await import('./kafka.ts')).singleBroker(t)).brokers
  const answer = await fetch(`${services}/kafka`)
  const text = await answer.text()
  if (!answer.ok) throw new Error(`no broker: ${text}`)
  return (JSON.parse(text) as { brokers: string[] }).brokers
}
