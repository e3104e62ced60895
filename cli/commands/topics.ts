import type { Command } from 'commander'
import { createLogger } from '../../common/logger.ts'
import type { TopicProblem } from '../../log/kafka/topics.ts'
import { loadConfig } from '../../runtime/config/config.ts'
import { topicsOptions } from '../../runtime/config/kafka-options.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { table } from '../output.ts'

/** Every command registers this file: the Kafka client is loaded only by those that need it. */
const kafkaTopics = () => import('../../log/kafka/topics.ts')

/** `gatepost topics`: the record log's topics on Kafka. */
export function registerTopics(program: Command, context: Context): void {
  const topics = program
    .command('topics')
    .summary('show, create and check the topics on Kafka')
    .description(
      'The topics of the record log on Kafka: their partitions, replicas and settings. GATEPOST_KAFKA_BROKERS names the brokers;\n' +
        'GATEPOST_KAFKA_PARTITIONS, _REPLICATION and _RETENTION define the required state.',
    )
    .addHelpText('after', '\nExamples:\n  gatepost topics\n  gatepost topics create\n  gatepost topics check --json')
  const options = () => topicsOptions(loadConfig(context.env), 'gatepost-topics', createLogger('topics'))
  registerShow(topics, context, options)
  registerCreate(topics, context, options)
  registerCheck(topics, context, options)
}

type Options = () => ReturnType<typeof topicsOptions>

function registerShow(topics: Command, context: Context, options: Options): void {
  topics
    .command('show', { isDefault: true })
    .description('Show every topic and its problems. Problems do not change the exit status.')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost topics show\n  gatepost topics show --json')
    .action(async ({ json }: { json?: true }) => {
      const { showTopics } = await kafkaTopics()
      const reports = await showTopics(options())
      const rows = reports.map(({ wanted, state, problems }) => ({
        topic: wanted.name,
        exists: state !== null,
        partitions: state?.partitions ?? null,
        replication: state?.replication ?? null,
        min_insync_replicas: number(state?.settings.get('min.insync.replicas')),
        cleanup_policy: state?.settings.get('cleanup.policy') ?? null,
        retention_ms: number(state?.settings.get('retention.ms')),
        max_message_bytes: number(state?.settings.get('max.message.bytes')),
        problems: problems.map(({ problem }) => problem),
      }))
      if (json) context.output.json(rows)
      else {
        const headings = ['topic', 'partitions', 'copies', 'min in sync', 'policy', 'retention', 'max message', 'state']
        context.output.line(
          table(
            headings,
            rows.map((row) => [
              row.topic,
              row.partitions ?? '-',
              row.replication ?? '-',
              row.min_insync_replicas ?? '-',
              row.cleanup_policy ?? '-',
              row.retention_ms ?? '-',
              row.max_message_bytes ?? '-',
              !row.exists ? 'missing' : row.problems.length > 0 ? 'see below' : 'ok',
            ]),
          ),
        )
        await say(
          context,
          reports.flatMap(({ problems }) => problems),
        )
      }
      context.exitStatus = EXIT.ok
    })
}

function registerCreate(topics: Command, context: Context, options: Options): void {
  topics
    .command('create')
    .description('Create missing topics and correct wrong settings. Running it again changes nothing.')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  gatepost topics create\n  GATEPOST_KAFKA_REPLICATION=1 gatepost topics create    # a single broker',
    )
    .action(async ({ json }: { json?: true }) => {
      const { createTopics } = await kafkaTopics()
      const { done, left } = await createTopics(options())
      if (json) context.output.json({ done, problems: left.map(plain) })
      else {
        for (const line of done) context.output.line(line)
        if (done.length === 0) context.output.line('every topic existed already')
        await say(context, left)
      }
      context.exitStatus = statusOf(left)
    })
}

function registerCheck(topics: Command, context: Context, options: Options): void {
  topics
    .command('check')
    .description('Check the topics as ingest and aggregator do at their start. Exit status 1: something is wrong.')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost topics check\n  gatepost topics check --json')
    .action(async ({ json }: { json?: true }) => {
      const { checkTopics } = await kafkaTopics()
      const problems = await checkTopics(options())
      if (json) context.output.json({ ok: statusOf(problems) === EXIT.ok, problems: problems.map(plain) })
      else {
        if (statusOf(problems) === EXIT.ok) context.output.line('every topic is in the required state')
        await say(context, problems)
      }
      context.exitStatus = statusOf(problems)
    })
}

async function say(context: Context, problems: readonly TopicProblem[]): Promise<void> {
  for (const { topic, level, problem } of problems) context.output.note(`${level}: ${topic}: ${problem}`)
  if (!problems.some(({ repairable }) => repairable)) return
  const { REPAIR_COMMAND } = await kafkaTopics()
  context.output.note(`to repair: ${REPAIR_COMMAND}`)
}

function statusOf(problems: readonly TopicProblem[]): number {
  return problems.some(({ level }) => level === 'error') ? EXIT.failed : EXIT.ok
}

function plain({ topic, level, problem, repairable }: TopicProblem) {
  return { topic, level, problem, repairable }
}

function number(text: string | undefined): number | null {
  return text === undefined ? null : Number(text)
}
