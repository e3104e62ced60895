import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { packageFile } from '../../common/package-root.ts'
import type { LoadRoute } from '../helpers/load.ts'

/*
 * The complete files and messages of a released version: test/fixtures/releases/<version>/
 *
 *   data.tar.gz    data directory of `gatepost serve`, killed under load: journal with open, sealed and one damaged segment,
 *                  archive, access log, embedded store
 *   spill.tar.gz   data directory of a `gatepost ingest` whose brokers were unavailable
 *   kafka.jsonl.gz messages of the topics that it had written before, in their order
 *   expected.json  the acknowledged records
 *
 * Written by `make fixture`, from the version that is about to be released; never changed afterwards.
 */

const RELEASES = 'test/fixtures/releases'

/** Its records are kept for ten years, so that the tests find them whenever they run. */
export const FIXTURE_ENV: Readonly<Record<string, string>> = {
  GATEPOST_RETENTION_DAYS: '3650',
  GATEPOST_SECRET: 'the secret of the fixtures',
  GATEPOST_SEGMENT_MAX_MS: '200ms',
}
/** Records of an instance with a journal. */
export const ARCHIVE_ENV: Readonly<Record<string, string>> = { GATEPOST_ARCHIVE_MAX_BYTES: '64 MiB' }
/** Records of an instance with Kafka. */
export const KAFKA_ENV: Readonly<Record<string, string>> = {
  GATEPOST_KAFKA_REPLICATION: '1',
  GATEPOST_KAFKA_PARTITIONS: '2',
}

/** Ids of acknowledged records, by route; see Load. */
export type Acknowledged = Readonly<Record<LoadRoute, readonly string[]>>

export interface FixtureFacts {
  readonly version: string
  /** In the data directory. `damaged`: records lost by the damage. */
  readonly data: {
    readonly acknowledged: Acknowledged
    readonly damaged: readonly string[]
    /** Sessions that the portal has begun. */
    readonly portalSessions: number
    readonly deadLetters: number
    /** Packets of RADIUS accounting; versions before 0.2.0 took none. */
    readonly accounting?: number
    /** Segments in the archive. */
    readonly archived: number
    /** A device that an operator has denied. */
    readonly deniedMac: string
    readonly voucher: string
  }
  /** In the topics and in the spill together. */
  readonly kafka: {
    readonly acknowledged: Acknowledged
    readonly portalSessions: number
    readonly deadLetters: number
    readonly accounting?: number
  }
}

/** A message of a topic. */
export interface FixtureMessage {
  readonly topic: string
  readonly partition: number
  readonly key: string | null
  /** Base64. */
  readonly value: string
}

export function fixtureDirectory(version: string): string {
  return packageFile(join(RELEASES, version))
}

/** Versions that have a fixture, oldest first. */
export function fixtureVersions(): string[] {
  if (!existsSync(packageFile(RELEASES))) return []
  return readdirSync(packageFile(RELEASES)).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

export function readFacts(version: string): FixtureFacts {
  return JSON.parse(readFileSync(join(fixtureDirectory(version), 'expected.json'), 'utf8')) as FixtureFacts
}

export function readMessages(version: string): FixtureMessage[] {
  const text = gunzipSync(readFileSync(join(fixtureDirectory(version), 'kafka.jsonl.gz'))).toString('utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as FixtureMessage)
}

/** Unpacks `data` or `spill` into a directory. */
export function unpack(version: string, name: 'data' | 'spill', directory: string): void {
  mkdirSync(directory, { recursive: true })
  execFileSync('tar', ['-xzf', join(fixtureDirectory(version), `${name}.tar.gz`), '-C', directory])
}

export function pack(directory: string, file: string): void {
  execFileSync('tar', ['-czf', file, '-C', directory, '.'])
}
