import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { messageOf } from '../../../../common/errors.ts'
import { sharedBroker } from '../../../../test/helpers/shared-broker.ts'
import { pick, random } from '../../../../test/helpers/random.ts'
import { Group } from '../group.ts'
import { memberCount } from './operator.ts'
import { STREAMS } from '../../../../schemas/streams/index.ts'
import { kafkaTopic } from '../../topic-names.ts'
import { until } from '../../test/harness.ts'
import { makeTopics } from '../../test/simple-writer.ts'

/** Internal to kafkajs and not exported: the requests of a client to a broker. */
interface Requests {
  syncGroup(request: { memberId: string }): Promise<unknown>
  joinGroup(request: object): Promise<unknown>
}

/** Also internal: what a consumer does before each fetch. */
interface Consumers {
  readonly memberId: string | null
  checkForStaleAssignment(): void
}

const load = createRequire(import.meta.url)
const { prototype: requests } = load('kafkajs/src/broker') as { prototype: Requests }
const { prototype: consumers } = load('kafkajs/src/consumer/consumerGroup') as { prototype: Consumers }
const { KafkaJSRequestTimeoutError } = load('kafkajs/src/errors') as {
  KafkaJSRequestTimeoutError: new (message: string) => Error
}

const PARTITIONS = 4
const SEED = Number(process.env['GATEPOST_TEST_SEED'] ?? Date.now() % 1_000_000)

const broker = await sharedBroker(t)
const kafka = broker.options()
const topics = STREAMS.map((topic) => kafkaTopic(broker.prefix, topic))
await makeTopics(kafka, broker.prefix, PARTITIONS)

/** What the members logged, for a failure's message. */
const logged: string[] = []
const logger = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) })

/** A member that records its events. */
class Member {
  readonly groupId: string
  readonly group: Group
  /** Partitions that it may read. */
  assigned = 0

  /** The id that the broker gives it begins with `name`. */
  constructor(groupId: string, name = 'member') {
    this.groupId = groupId
    this.group = new Group(
      {
        kafka: { ...broker.options(name), logger },
        groupId,
        topics,
        fetchMaxBytes: 2 ** 20,
        partitionMaxBytes: 2 ** 18,
        logger,
      },
      {
        assigned: (assignment) => {
          this.assigned = [...assignment.values()].reduce((sum, partitions) => sum + partitions.length, 0)
        },
        revoked: () => (this.assigned = 0),
        deliver: () => false,
      },
    )
  }
}

/** Until every partition has a member, and there are no other members. */
async function settled(t: Test, members: readonly Member[]): Promise<void> {
  const isSettled = async () => {
    const assigned = members.reduce((sum, member) => sum + member.assigned, 0)
    return assigned === PARTITIONS * topics.length && (await memberCount(kafka, members[0].groupId)) === members.length
  }
  try {
    await until(isSettled, 'every partition is read by one of them, and there are no other members')
    t.pass('settled')
  } catch (error) {
    const assigned = members.map((member) => member.assigned).join(' + ')
    t.fail(`${messageOf(error)}: ${assigned} partitions, ${await memberCount(kafka, members[0].groupId)} members`)
    t.comment(logged.join(''))
  } finally {
    await Promise.all(members.map(({ group }) => group.stop()))
  }
}

/** From now on the first member whose name begins so does not get the answer that says which partitions it has. @returns whether it was so */
function loseAnswer(t: Test, name: string): () => boolean {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own this
  const { syncGroup } = requests
  t.teardown(() => (requests.syncGroup = syncGroup))
  let lost = 0
  requests.syncGroup = async function (this: Requests, request) {
    const answer = await syncGroup.call(this, request)
    // For the broker, this member knows its partitions.
    if (!request.memberId.startsWith(name) || lost++ > 0) return answer
    throw new KafkaJSRequestTimeoutError('Request SyncGroup timed out')
  }
  return () => lost > 0
}

function pair(group: string): [Member, Member] {
  const groupId = broker.prefix + group
  return [new Member(groupId, 'first'), new Member(groupId, 'second')]
}

t.test('a member that does not learn its partitions joins again', async (t) => {
  const [first, second] = pair('lost-answer')
  await first.group.start()
  const isLost = loseAnswer(t, 'first')
  await second.group.start()
  await until(isLost, 'the group assigns partitions again')
  await settled(t, [first, second])
})

t.test('so does one that has joined again because its metadata was stale', async (t) => {
  const [first, second] = pair('stale')
  await first.group.start()
  await until(() => first.assigned === PARTITIONS * topics.length, 'it reads all')
  const isLost = loseAnswer(t, 'first')
  // eslint-disable-next-line @typescript-eslint/unbound-method -- both are called with their own this
  const [{ checkForStaleAssignment }, { joinGroup }] = [consumers, requests]
  t.teardown(() => {
    consumers.checkForStaleAssignment = checkForStaleAssignment
    requests.joinGroup = joinGroup
  })
  let isJoining = false
  requests.joinGroup = function (this: Requests, request) {
    isJoining = true
    return joinGroup.call(this, request)
  }
  consumers.checkForStaleAssignment = function (this: Consumers) {
    // Before a heartbeat tells it that the second one joins.
    if (this.memberId?.startsWith('first') !== true || !isJoining || isLost()) return checkForStaleAssignment.call(this)
    throw Object.assign(new Error('This server is not the leader'), { type: 'NOT_LEADER_FOR_PARTITION' })
  }
  await second.group.start()
  await until(isLost, 'the group assigns partitions again')
  await settled(t, [first, second])
})

t.test(`members that are replaced while they join leave no dead member, seed ${SEED}`, async (t) => {
  const next = random(SEED)
  const members = [
    new Member(`${broker.prefix}storm`),
    new Member(`${broker.prefix}storm`),
    new Member(`${broker.prefix}storm`),
  ]
  await Promise.all(members.map(({ group }) => group.start()))
  for (let times = 0; times < 30; times++) {
    pick(members, next).group.rejoin('told to')
    await sleep(next() * 1500)
  }
  await settled(t, members)
})
