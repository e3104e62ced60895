import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError, messageOf } from '../../common/errors.ts'
import { withAdmin } from './client/admin.ts'
import { KafkaRequestError } from './client/errors.ts'
import type { KafkaAdmin, KafkaOptions, TopicState } from './client/port.ts'
import { settingProblem, wantedTopics, type TopicRules, type WantedTopic } from './topic-rules.ts'

export interface TopicsOptions extends TopicRules {
  readonly kafka: KafkaOptions
}

/** A problem with a topic: wrong (`error`) or not recommended (`warning`). */
export interface TopicProblem {
  /** The topic's name; `brokers` for a problem of the brokers themselves. */
  readonly topic: string
  readonly level: 'error' | 'warning'
  readonly problem: string
  /** Whether `gatepost topics create` repairs it. */
  readonly repairable: boolean
}

/** The state of a topic and its problems; null: it does not exist. */
export interface TopicReport {
  readonly wanted: WantedTopic
  readonly state: TopicState | null
  readonly problems: readonly TopicProblem[]
}

const SETTLE_WITHIN_MS = 20_000

export const REPAIR_COMMAND = 'gatepost topics create'

/** The state of all topics. @throws GatepostError LOG_UNAVAILABLE */
export function showTopics(options: TopicsOptions): Promise<TopicReport[]> {
  return withAdmin(options.kafka, (admin) => report(admin, options))
}

/** All problems. @throws GatepostError LOG_UNAVAILABLE */
export function checkTopics(options: TopicsOptions): Promise<TopicProblem[]> {
  return withAdmin(options.kafka, (admin) => problemsOf(admin, options))
}

/**
 * The check that ingest and aggregator make at their start.
 * @returns warnings
 * @throws GatepostError LOG_MISCONFIGURED naming every topic that is missing or has wrong settings, and the command that repairs it;
 *  LOG_UNAVAILABLE
 */
export async function assertTopics(options: TopicsOptions): Promise<TopicProblem[]> {
  const problems = await checkTopics(options)
  const errors = problems.filter(({ level }) => level === 'error')
  if (errors.length === 0) return problems
  const lines = errors.map(({ topic, problem }) => `${topic}: ${problem}`)
  if (errors.some(({ repairable }) => repairable)) lines.push(`to repair: ${REPAIR_COMMAND}`)
  throw new GatepostError('LOG_MISCONFIGURED', lines.join('\n'))
}

/** Creates missing topics and repairs what can be repaired. @returns a text for each change. @throws GatepostError */
export function createTopics(options: TopicsOptions): Promise<{ done: string[]; left: TopicProblem[] }> {
  return withAdmin(options.kafka, async (admin) => {
    const done: string[] = []
    for (const { wanted, state } of await report(admin, options)) {
      if (state === null) done.push(await create(admin, wanted))
      else done.push(...(await repair(admin, wanted, state)))
    }
    await settled(admin, options)
    return { done, left: await problemsOf(admin, options) }
  })
}

/** Brokers learn about a new topic, and elect its leaders, with some delay. */
async function settled(admin: KafkaAdmin, rules: TopicRules): Promise<void> {
  const deadline = performance.now() + SETTLE_WITHIN_MS
  for (;;) {
    const reports = await report(admin, rules).catch(() => null)
    const complete = reports?.every(({ wanted, state }) => state !== null && state.partitions >= wanted.partitions)
    if (complete || performance.now() > deadline) return
    await sleep(100)
  }
}

async function report(admin: KafkaAdmin, rules: TopicRules): Promise<TopicReport[]> {
  const wanted = wantedTopics(rules)
  const names = wanted.map(({ name }) => name)
  const states = await admin.topics(names)
  return wanted.map((topic) => {
    const state = states.get(topic.name) ?? null
    return { wanted: topic, state, problems: topicProblems(topic, state) }
  })
}

async function problemsOf(admin: KafkaAdmin, rules: TopicRules): Promise<TopicProblem[]> {
  const problems = (await report(admin, rules)).flatMap((entry) => entry.problems)
  const offsetsMs = await offsetsRetentionMs(admin)
  if (offsetsMs !== null && offsetsMs < rules.retentionMs) {
    problems.push({
      topic: 'brokers',
      level: 'warning',
      problem:
        `offsets.retention.minutes is ${offsetsMs / 60_000}, shorter than the retention of the topics: if they are down that long, the ` +
        'aggregators lose their offsets and re-read everything',
      repairable: false,
    })
  }
  return problems
}

function topicProblems(wanted: WantedTopic, state: TopicState | null): TopicProblem[] {
  const problems: TopicProblem[] = []
  const found = (level: TopicProblem['level'], problem: string, repairable: boolean) =>
    problems.push({ topic: wanted.name, level, problem, repairable })
  if (state === null) {
    found('error', 'the topic does not exist', true)
    return problems
  }
  if (wanted.partitions === 1 && state.partitions > 1)
    found('error', `${state.partitions} partitions instead of one: delete the topic and create it again`, false)
  else if (state.partitions < wanted.partitions)
    found('warning', `${state.partitions} partitions; GATEPOST_KAFKA_PARTITIONS says ${wanted.partitions}`, true)
  if (state.replication < wanted.replication) {
    const how = 'change it with kafka-reassign-partitions, or set GATEPOST_KAFKA_REPLICATION to this number'
    found('error', `${state.replication} copies instead of ${wanted.replication} (${how})`, false)
  }
  for (const [name, value] of Object.entries(wanted.settings)) {
    const actual = state.settings.get(name)
    const problem = actual === undefined ? null : settingProblem(name, actual, value)
    if (problem !== null) found('error', `${name} is ${actual}, must be ${problem}`, true)
  }
  const inSync = Number(state.settings.get('min.insync.replicas'))
  if (inSync > state.replication)
    found('error', `min.insync.replicas is ${inSync} of ${state.replication} copies: no record can be written`, false)
  return problems
}

async function create(admin: KafkaAdmin, wanted: WantedTopic): Promise<string> {
  const { name, partitions, replication } = wanted
  try {
    await admin.createTopic(wanted)
  } catch (error) {
    throw new GatepostError('LOG_MISCONFIGURED', `cannot create ${name}: ${explain(error)}`, error)
  }
  return `${name}: created with ${partitions} partition${partitions === 1 ? '' : 's'}, ${replication} of each`
}

async function repair(admin: KafkaAdmin, wanted: WantedTopic, state: TopicState): Promise<string[]> {
  const done: string[] = []
  try {
    const wrong = Object.entries(wanted.settings).filter(
      ([name, value]) => settingProblem(name, state.settings.get(name) ?? '', value) !== null,
    )
    if (wrong.length > 0) {
      await admin.changeSettings(wanted.name, Object.fromEntries(wrong))
      for (const [name, value] of wrong)
        done.push(`${wanted.name}: ${name} set to ${value} (was ${state.settings.get(name) ?? 'unset'})`)
    }
    if (state.partitions < wanted.partitions) {
      await admin.addPartitions(wanted.name, wanted.partitions)
      done.push(`${wanted.name}: ${wanted.partitions} partitions (was ${state.partitions})`)
    }
  } catch (error) {
    throw new GatepostError('LOG_MISCONFIGURED', `cannot repair ${wanted.name}: ${explain(error)}`, error)
  }
  return done
}

/** How long the brokers keep the committed offsets of an inactive group, ms; null: they do not say. */
async function offsetsRetentionMs(admin: KafkaAdmin): Promise<number | null> {
  const minutes = Number((await admin.brokerSetting('offsets.retention.minutes')) ?? NaN)
  return Number.isFinite(minutes) ? minutes * 60_000 : null
}

function explain(error: unknown): string {
  const single = error instanceof KafkaRequestError && error.reasons.includes('INVALID_REPLICATION_FACTOR')
  return messageOf(error) + (single ? '; with a single broker set GATEPOST_KAFKA_REPLICATION=1' : '')
}
