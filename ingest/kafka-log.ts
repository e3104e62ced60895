import { GatepostError } from '../common/errors.ts'
import type { IngestLog } from './log.ts'

export function openKafkaLog(...given: readonly unknown[]): Promise<IngestLog> {
  return Promise.reject(new GatepostError('CONFIG_INVALID', `Kafka is not wired yet (${given.length})`))
}
