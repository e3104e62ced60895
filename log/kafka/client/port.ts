import type { Logger } from '../../../common/logger.ts'

/*
 * What Gatepost needs of a Kafka client, in its own words. The other files of this folder provide it with kafkajs, and handle there what
 * kafkajs does that these words do not allow; nothing outside of the folder knows which client it is.
 *
 * Offsets are those of a partition: each message has one, they rise, and there may be gaps. Times are ms since the epoch.
 * Errors that leave the folder are those of errors.ts and send-error.ts.
 */

/** How to reach the brokers. */
export interface KafkaOptions {
  /** host:port each, enough of them to find the others. */
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

/** A message to be written. */
export interface OutgoingMessage {
  readonly value: Buffer
  readonly headers: Readonly<Record<string, string>>
}

/** Messages on their way to one partition, in one request: all of them are appended, or none. */
export interface Sending {
  /** Resolves when every replica in sync has the messages. @throws SendError: says whether they may be in the log all the same */
  readonly acknowledged: Promise<void>
  /** Bytes of the messages' values. */
  readonly bytes: number
  /** Takes the messages back while they have not left this process. @returns whether that was possible: then they are never in the log */
  withdraw(): boolean
}

/** Sends to one topic, each message once: what failed is not sent again. */
export interface TopicSender {
  /** Connects; if no broker answers, it goes on trying. */
  open(): Promise<void>
  send(partition: number, messages: readonly OutgoingMessage[]): Sending
  /** A send was not answered in time: the next ones use another connection as soon as there is one. */
  distrust(): void
  /** Waits for what is under way, a bounded time. */
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

/** What one fetch brought of one partition. */
export interface Delivery {
  readonly topic: string
  readonly partition: number
  /** The offset that the fetch asked for. It need not be where the last delivery ended, nor what seek() said: the caller compares. */
  readonly fetchedOffset: number
  readonly messages: readonly KafkaMessage[]
  /** Offset that the next fetch asks for if this delivery is taken. */
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

/** What a member of a consumer group is told. */
export interface GroupListener {
  /** Called when the group has settled, before anything is delivered. Every partition is read from its beginning until seek(). */
  assigned(assignment: ReadonlyMap<string, readonly number[]>): void
  /** The group settles again, or the connection is lost: no partition is this member's own any more. */
  revoked(): void
  /** Must not wait. @returns whether the messages are taken; if not, the next fetch asks for the same offset, or where seek() says */
  deliver(delivery: Delivery): boolean
}

/** Membership of a consumer group that lasts until stop(), whatever happens to connections and brokers. */
export interface GroupMember {
  /** Times that the membership had to be renewed. */
  readonly restarts: number
  /** @throws KafkaRequestError, KafkaUnavailable: could not connect; start() again, or stop() */
  start(): Promise<void>
  /** As start(), repeated until it works. */
  follow(): void
  pause(topic: string, partition: number): void
  resume(topic: string, partition: number): void
  seek(topic: string, partition: number, offset: number): void
  /**
   * Says that everything before `offset` is stored. It may be refused, lost, or done for a partition that is another member's by now:
   * what depends on it compares `metadata`.
   * @throws KafkaRequestError
   */
  commit(topic: string, partition: number, offset: number, metadata: string): Promise<void>
  /** Leaves and joins, so that the partitions are shared out again. */
  rejoin(reason: string): void
  stop(): Promise<void>
}

/** First and next offset of a partition. */
export interface Ends {
  readonly low: number
  readonly high: number
}

/** What a group has committed of a partition. */
export interface Committed {
  readonly offset: number
  readonly metadata: string | null
}

/** What one topic is. */
export interface TopicState {
  readonly name: string
  readonly partitions: number
  /** Copies of the partition that has fewest. */
  readonly replication: number
  /** Every setting with its effective value. */
  readonly settings: ReadonlyMap<string, string>
}

/** What a topic is made with. */
export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  readonly settings: Readonly<Record<string, string>>
}

/** Administrative requests. Each may be repeated inside: made twice they change nothing. All of them throw KafkaRequestError. */
export interface KafkaAdmin {
  topicNames(): Promise<string[]>
  /** Those of the topics that exist. */
  topics(names: readonly string[]): Promise<Map<string, TopicState>>
  createTopic(topic: NewTopic): Promise<void>
  /** Other settings of the topic stay as they are. */
  changeSettings(topic: string, settings: Readonly<Record<string, string>>): Promise<void>
  /** @param count how many the topic has then */
  addPartitions(topic: string, count: number): Promise<void>
  /** A setting of the brokers; null: it is not told. */
  brokerSetting(name: string): Promise<string | null>
  /** Numbers of a topic's partitions. Fails while one of them has no leader. */
  partitions(topic: string): Promise<number[]>
  ends(topic: string): Promise<Map<number, Ends>>
  /** Of each partition, the offset of the first message that is not older than `time`; its end where there is none. */
  offsetsAt(topic: string, time: number): Promise<Map<number, number>>
  /** A partition of which nothing was committed is left out. */
  committed(groupId: string, topic: string): Promise<Map<number, Committed>>
  /** The partitions that members of a group read, by topic; null: the group has not settled. */
  assignments(groupId: string): Promise<Map<string, Set<number>> | null>
  deleteGroup(groupId: string): Promise<void>
  close(): Promise<void>
}
