import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { avroSource } from '../avro.ts'
import { fieldsHolding, isStream, descriptorOf, streamReportedAs, STREAMS } from '../streams/index.ts'

t.test('schemas/avro has the schema of each stream for other tools: make generate', (t) => {
  t.same(readdirSync(packageFile('schemas/avro')).sort(), STREAMS.map((stream) => `${stream}.avsc`).sort())
  for (const stream of STREAMS) {
    const file: unknown = JSON.parse(readFileSync(packageFile(`schemas/avro/${stream}.avsc`), 'utf8'))
    t.same(file, JSON.parse(JSON.stringify(avroSource(stream))), stream)
  }
  t.end()
})

t.test('names of streams, Kafka topics and sources are unique', (t) => {
  const unique = (values: readonly (string | null)[]) => t.equal(new Set(values).size, values.length)
  unique(STREAMS)
  unique(STREAMS.map((stream) => descriptorOf(stream).kafkaTopic))
  unique(STREAMS.map((stream) => descriptorOf(stream).reportedAs).filter((source) => source !== null))
  t.end()
})

t.test('forgetting uses what each field holds', (t) => {
  t.same(fieldsHolding('post_auth', 'user'), ['username', 'ssl_username'])
  t.same(fieldsHolding('gateway_auth', 'mac'), ['mac'])
  t.same(fieldsHolding('gateway_pings', 'user'), [])
  t.same(fieldsHolding('dead_letters', 'text'), ['payload'])
  t.equal(streamReportedAs('ping'), 'gateway_pings')
  t.equal(streamReportedAs('nothing'), undefined)
  t.ok(isStream('post_auth'))
  t.notOk(isStream('constructor'))
  t.end()
})
