import { createRequire } from 'node:module'
import t, { type Test } from 'tap'
import { sharedBroker } from '../../../../test/helpers/shared-broker.ts'
import { connectAdmin } from '../admin.ts'
import { makeTopics } from './operator.ts'

/** kafkajs's own, not exported: the requests that a client makes of a broker. */
interface Requests {
  listOffsets(request: unknown): Promise<unknown>
}

const load = createRequire(import.meta.url)
const { prototype: requests } = load('kafkajs/src/broker') as { prototype: Requests }

const broker = await sharedBroker(t)
const kafka = broker.options()
const [topic, other] = [`${broker.prefix}read`, `${broker.prefix}other`]
await makeTopics(kafka, [{ name: topic, partitions: 2 }, { name: other }])

/** Lets something happen after each of the client's requests for offsets. @returns how many there were */
function afterEachRequest(t: Test, happens: (request: number) => Promise<unknown>): () => number {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own this
  const { listOffsets } = requests
  t.teardown(() => (requests.listOffsets = listOffsets))
  let count = 0
  requests.listOffsets = async function (this: Requests, request) {
    const answer = await listOffsets.call(this, request)
    await happens(++count)
    return answer
  }
  return () => count
}

/*
 * Symptom: "cannot read the lag: Cannot destructure property 'partitions' of 'low.pop(...)' as it is undefined". Root cause: kafkajs asks twice for
 * the ends of a topic, and another request of the same client had replaced its metadata in between.
 */
t.test('offsets of a topic while requests for another one replace the metadata of the client', async (t) => {
  const admin = await connectAdmin(kafka)
  t.teardown(() => admin.close())
  const asked: [string, () => Promise<ReadonlyMap<number, unknown>>, unknown][] = [
    ['ends', () => admin.ends(topic), { low: 0, high: 0 }],
    ['offsetsAt', () => admin.offsetsAt(topic, Date.now()), 0],
  ]
  for (const [name, ask, expected] of asked) {
    await t.test(`${name}: once, and it is asked again`, async (t) => {
      const count = afterEachRequest(t, (request) => (request === 1 ? admin.partitions(other) : Promise.resolve()))
      t.same(
        [...(await ask())].sort(([a], [b]) => a - b),
        [
          [0, expected],
          [1, expected],
        ],
      )
      t.equal(count(), 3, 'the first attempt ended after one request')
    })
    await t.test(`${name}: every time, and the error names the topic`, async (t) => {
      const count = afterEachRequest(t, () => admin.partitions(other))
      await t.rejects(ask(), {
        name: 'KafkaRequestError',
        message: `the brokers' answer lacks topic ${topic}: it was deleted, or is just being created`,
      })
      t.equal(count(), 3, 'attempts are bounded')
    })
  }
})
