import { join } from 'node:path'
import type { Test } from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { Instance } from './instance.ts'
import { ROUND } from './routes.ts'
import { run, type RunResult } from './run.ts'

/* Shared by tests of `gatepost serve` with either kind of log and store. */

/** Variables for a Kafka of one broker. */
export function kafkaVariables(brokers: readonly string[]) {
  return {
    GATEPOST_KAFKA_BROKERS: brokers.join(','),
    GATEPOST_KAFKA_REPLICATION: '1',
    GATEPOST_KAFKA_PARTITIONS: '2',
    GATEPOST_SECRET: 'a secret of the tests',
  }
}

/** An instance that is not started yet, and is destroyed when the test ends. */
export async function created(t: Test, env: Record<string, string> = {}): Promise<Instance> {
  const instance = await Instance.create(join(t.testdir({ data: {} }), 'data'), { GATEPOST_AUTH_MODE: 'open', ...env })
  t.teardown(() => instance.destroy())
  return instance
}

/** A command of the operator, with the variables of the instance. */
export function gatepost(instance: Instance, ...arguments_: string[]): Promise<RunResult> {
  return run(process.execPath, [packageFile('bin/gatepost'), ...arguments_], { env: instance.env })
}

export type Query = <T>(sql: string, enough: (rows: T[]) => boolean) => Promise<T[]>

/** Every table holds the rows of this many rounds of requestEveryRoute(). */
export async function complete(t: Test, query: Query, rounds: number): Promise<void> {
  for (const [table, perRound] of Object.entries(ROUND)) {
    const rows = await query<{ n: number }>(
      `SELECT toUInt32(count()) AS n FROM gatepost.${table}`,
      ([{ n }]) => n >= perRound * rounds,
    )
    t.equal(rows[0].n, perRound * rounds, table)
  }
}
