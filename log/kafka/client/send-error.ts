import { messageOf } from '../../../common/errors.ts'
import { protocolName, rootCause } from './errors.ts'

/**
 * Errors that only a broker's answer to a produce request has, given before anything was appended. Not among them: NOT_LEADER_FOR_PARTITION and
 * KAFKA_STORAGE_ERROR, with which a broker also ends a request whose records are appended and wait for the other replicas;
 * UNKNOWN_TOPIC_OR_PARTITION, which kafkajs may have from the metadata it fetched after the produce request was lost.
 */
const REFUSED_BEFORE_APPENDING = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'NOT_ENOUGH_REPLICAS',
  'CORRUPT_MESSAGE',
  'INVALID_RECORD',
])

/** The message is to blame, not the partition. */
const SIZE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

/** The connection and what it knows of the cluster are right, whatever else is wrong. */
const CONNECTION_IS_FINE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'NOT_ENOUGH_REPLICAS'])

/** Only an operator ends these. */
const MISCONFIGURED = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'TOPIC_AUTHORIZATION_FAILED',
])

/** Why a send failed, and what that says. */
export class SendError extends Error {
  /** The protocol's name of the error, such as NOT_LEADER_FOR_PARTITION; of other errors their class. */
  readonly type: string
  /** Nothing of it is in the log, and nothing will be. */
  readonly nothingAppended: boolean
  readonly tooLarge: boolean
  readonly connectionIsFine: boolean
  readonly misconfigured: boolean

  constructor(error: unknown, left: boolean) {
    const root = rootCause(error)
    super(messageOf(root), { cause: error })
    this.name = 'SendError'
    this.type = protocolName(root) ?? root.name
    this.nothingAppended = !left || REFUSED_BEFORE_APPENDING.has(this.type)
    this.tooLarge = SIZE.has(this.type)
    this.connectionIsFine = CONNECTION_IS_FINE.has(this.type)
    this.misconfigured = MISCONFIGURED.has(this.type)
  }
}
