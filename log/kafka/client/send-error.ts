import { messageOf } from '../../../common/errors.ts'
import { protocolName, rootCause } from './errors.ts'

/**
 * Errors that a broker returns only before it appends anything. Not included: NOT_LEADER_FOR_PARTITION and KAFKA_STORAGE_ERROR, which a
 * broker also returns when records are appended and wait for the other replicas; UNKNOWN_TOPIC_OR_PARTITION, which kafkajs may take from
 * metadata that it fetched after the produce request was lost.
 */
const REFUSED_BEFORE_APPENDING = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'NOT_ENOUGH_REPLICAS',
  'CORRUPT_MESSAGE',
  'INVALID_RECORD',
])

/** The message is at fault, not the partition. */
const SIZE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

/** The connection and its metadata are fine, whatever else is wrong. */
const CONNECTION_IS_FINE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'NOT_ENOUGH_REPLICAS'])

/** Only an operator can fix these. */
const MISCONFIGURED = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'TOPIC_AUTHORIZATION_FAILED',
])

/** Why a send failed, and what follows from it. */
export class SendError extends Error {
  /** The protocol's name of the error, such as NOT_LEADER_FOR_PARTITION; for other errors, the name of their class. */
  readonly type: string
  /** Nothing of it is in the log, and nothing ever will be. */
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
