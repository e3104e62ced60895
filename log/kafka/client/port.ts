import type { Logger } from '../../../common/logger.ts'

/*
 * The interface that Gatepost needs from a Kafka client. The other files in this folder implement it with kafkajs and deal with kafkajs's
 * deviations; no code outside the folder knows which client it is.
 *
 * Offsets belong to a partition: each message has one, they increase, and there may be gaps. Times are ms since the epoch. Errors that leave
 * the folder are those of errors.ts and send-error.ts.
 */

/** How to reach the brokers. */
export interface KafkaOptions {
  /** host:port each; a few are enough to find the others. */
  readonly brokers: readonly string[]
  /** Shown in the brokers' logs. */
  readonly clientId: string
  /** PEM texts; null: no TLS. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | null
  readonly sasl: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: string
  } | null
  readonly logger: Logger
}

/** A message to send. */
export interface OutgoingMessage {
  readonly value: Buffer
  readonly headers: Readonly<Record<string, string>>
}

/** Messages sent to one partition in one request: all of them are appended, or none. */
export interface Sending {
  /** Resolves when all in-sync replicas have the messages. @throws SendError: says whether they may be in the log nevertheless */
  readonly acknowledged: Promise<void>
  /** Bytes of the messages' values. */
  readonly bytes: number
  /**
   * Cancels the send if the messages have not left this process. @returns whether it was possible; the messages are then never in the log
   */
  withdraw(): boolean
}

/** Sends to one topic, each message once: a failed send is not retried. */
export interface TopicSender {
  /** Connects; keeps retrying while no broker answers. */
  open(): Promise<void>
  send(partition: number, messages: readonly OutgoingMessage[]): Sending
  /** Reports that a send was not answered in time: the next ones use another connection as soon as there is one. */
  distrust(): void
  /** Waits for sends in flight, up to a time limit. */
  close(): Promise<void>
}

/** A message that was read. */
export interface KafkaMessage {
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** When it was sent. */
  readonly timestamp: number
}

/** Messages of one partition from one fetch. */
export interface Delivery {
  readonly topic: string
  readonly partition: number
  /**
   * The offset that the fetch requested. It may differ from the end of the last delivery and from the last seek(): the caller must compare.
   */
  readonly fetchedOffset: number
  readonly messages: readonly KafkaMessage[]
  /** Offset that the next fetch requests if this delivery is accepted. */
  readonly next: number
}

export interface GroupOptions {
  readonly kafka: KafkaOptions
  readonly groupId: string
  readonly topics: readonly string[]
  /** Bytes of one fetch from a broker, and from a partition. */
  readonly fetchMaxBytes: number
  readonly partitionMaxBytes: number
  readonly logger: Logger
}

/** Callbacks of a group member. */
export interface GroupListener {
  /** Called after a rebalance, before any delivery. Every partition is read from its beginning until seek() is called. */
  assigned(assignment: ReadonlyMap<string, readonly number[]>): void
  /** A rebalance has started or the connection is lost: this member owns no partition any more. */
  revoked(): void
  /**
   * Must be synchronous. @returns whether the messages are accepted; if not, the next fetch requests the same offset, or that of the last
   * seek()
   */
  deliver(delivery: Delivery): boolean
}

/** A permanent membership of a consumer group, from start() to stop(), whatever happens to connections and brokers. */
export interface GroupMember {
  /** How often the consumer had to be replaced. */
  readonly restarts: number
  /** @throws KafkaRequestError, KafkaUnavailable: could not connect; start() again, or stop() */
  start(): Promise<void>
  /** As start(), retried until it succeeds. */
  follow(): void
  pause(topic: string, partition: number): void
  resume(topic: string, partition: number): void
  seek(topic: string, partition: number, offset: number): void
  /**
   * Commits that everything before `offset` is stored. It may be refused, get lost, or take effect although another member owns the
   * partition by now: readers compare `metadata`.
   * @throws KafkaRequestError
   */
  commit(topic: string, partition: number, offset: number, metadata: string): Promise<void>
  /** Leaves and joins again, to trigger a rebalance. */
  rejoin(reason: string): void
  stop(): Promise<void>
}

/** First offset and next offset of a partition. */
export interface Ends {
  readonly low: number
  readonly high: number
}

/** The committed offset of a group in a partition. */
export interface Committed {
  readonly offset: number
  readonly metadata: string | null
}

/** The current state of one topic. */
export interface TopicState {
  readonly name: string
  readonly partitions: number
  /** Replicas of the partition that has the fewest. */
  readonly replication: number
  /** Every setting with its effective value. */
  readonly settings: ReadonlyMap<string, string>
}

/** Parameters of a new topic. */
export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  readonly settings: Readonly<Record<string, string>>
}

/** Administrative requests. They are idempotent, and the implementation may retry them. All of them throw KafkaRequestError. */
export interface KafkaAdmin {
  topicNames(): Promise<string[]>
  /** Topics that do not exist are missing from the result. */
  topics(names: readonly string[]): Promise<Map<string, TopicState>>
  createTopic(topic: NewTopic): Promise<void>
  /** Other settings of the topic do not change. */
  changeSettings(topic: string, settings: Readonly<Record<string, string>>): Promise<void>
  /** @param count number of partitions afterwards */
  addPartitions(topic: string, count: number): Promise<void>
  /** A setting of the brokers; null: the brokers do not say. */
  brokerSetting(name: string): Promise<string | null>
  /** Numbers of a topic's partitions. Fails while one of them has no leader. */
  partitions(topic: string): Promise<number[]>
  ends(topic: string): Promise<Map<number, Ends>>
  /** Of each partition, the offset of the first message that is not older than `time`; its end where there is none. */
  offsetsAt(topic: string, time: number): Promise<Map<number, number>>
  /** Partitions without a committed offset are missing from the result. */
  committed(groupId: string, topic: string): Promise<Map<number, Committed>>
  /** The partitions assigned to members of a group, by topic; null: a rebalance is going on. */
  assignments(groupId: string): Promise<Map<string, Set<number>> | null>
  deleteGroup(groupId: string): Promise<void>
  close(): Promise<void>
}
