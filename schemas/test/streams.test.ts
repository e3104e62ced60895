import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { avroSource } from '../avro.ts'
import { fieldsHolding, isTopic, streamOf, streamReportedAs, TOPICS } from '../streams/index.ts'

t.test('schemas/avro has the schema of each stream for other tools: make generate', (t) => {
  t.same(readdirSync(packageFile('schemas/avro')).sort(), TOPICS.map((topic) => `${topic}.avsc`).sort())
  for (const topic of TOPICS) {
    const file: unknown = JSON.parse(readFileSync(packageFile(`schemas/avro/${topic}.avsc`), 'utf8'))
    t.same(file, JSON.parse(JSON.stringify(avroSource(topic))), topic)
  }
  t.end()
})

t.test('names of streams, Kafka topics and sources are unique', (t) => {
  const unique = (values: readonly (string | null)[]) => t.equal(new Set(values).size, values.length)
  unique(TOPICS)
  unique(TOPICS.map((topic) => streamOf(topic).kafkaTopic))
  unique(TOPICS.map((topic) => streamOf(topic).reportedAs).filter((source) => source !== null))
  t.end()
})

t.test('who stands in a field is what forgetting goes by', (t) => {
  t.same(fieldsHolding('post_auth', 'user'), ['username', 'ssl_username'])
  t.same(fieldsHolding('gateway_auth', 'mac'), ['mac'])
  t.same(fieldsHolding('gateway_pings', 'user'), [])
  t.same(fieldsHolding('dead_letters', 'text'), ['payload'])
  t.equal(streamReportedAs('ping'), 'gateway_pings')
  t.equal(streamReportedAs('nothing'), undefined)
  t.ok(isTopic('post_auth'))
  t.notOk(isTopic('constructor'))
  t.end()
})
