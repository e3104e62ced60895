import { randomBytes } from 'node:crypto'
import t from 'tap'
import { recordSchema, type RecordSchema } from '../../../schemas/avro.ts'
import { isUnion, type AvroType } from '../../../schemas/avro-type.ts'
import { BATCH_SPAN_MS, type Batch } from '../../../schemas/batch.ts'
import { knownSchemas } from '../../../schemas/known.ts'
import { STREAMS } from '../../../schemas/streams/index.ts'
import { openTables } from './tables-page.ts'

/* A record of every released schema, as the engine stores it, equals what avsc reads with the current schema. */

const SAMPLES: Readonly<Record<string, unknown>> = {
  null: null,
  boolean: true,
  int: 7,
  long: 8n,
  float: 0.5,
  double: 0.25,
  string: 'text',
}

function sample(type: AvroType): unknown {
  if (isUnion(type)) return sample(type[type.length - 1])
  if (typeof type === 'string') return SAMPLES[type]
  if (type.type === 'map') return { key: sample(type.values ?? 'string') }
  return type.logicalType === 'timestamp-millis' ? Date.now() : SAMPLES[type.type]
}

function batchOf(schema: RecordSchema): Batch {
  const receivedAt = Date.now()
  const batchId = randomBytes(16)
  const fields = schema.fields.map(({ name, type }) => [name, sample(type)])
  const record = { ...Object.fromEntries(fields), received_at: receivedAt, batch_id: batchId, batch_index: 0 } as object
  const window = { minReceivedAt: receivedAt, maxReceivedAt: receivedAt + BATCH_SPAN_MS }
  return { stream: schema.stream, schema, batchId, recordCount: 1, ...window, records: schema.type.toBuffer(record) }
}

/** In the form of the engine's JSON. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'object' && value !== null) return JSON.stringify(value)
  return typeof value === 'boolean' ? Number(value) : value
}

t.test('released schemas', async (t) => {
  const store = await openTables(t.testdir())
  t.teardown(() => store.close())
  for (const stream of STREAMS) {
    const today = recordSchema(stream)
    for (const schema of knownSchemas(stream)) {
      const batch = batchOf(schema)
      t.same(await store.insertOnce(stream, [batch]), { rows: 1, alreadyPresent: 0 })
      const resolver = today.type.createResolver(schema.type)
      const expected = today.type.fromBuffer(Buffer.from(batch.records), resolver) as Record<string, unknown>
      const names = today.fields.slice(3).map(({ name }) => name)
      const columns = today.fields.slice(3).map(({ name, type }) => {
        const isTime = JSON.stringify(type).includes('timestamp-millis')
        return isTime ? `toUnixTimestamp64Milli(${name}) AS ${name}` : name
      })
      const id = batch.batchId.toString('hex')
      const [row] = await store.query<Record<string, unknown>>(
        `SELECT ${columns.join(', ')} FROM gatepost.${stream} WHERE lower(hex(UUIDStringToNum(toString(batch_id)))) = '${id}'`,
      )
      const found = names.map((name) => [name, plain(row[name])])
      const wanted = names.map((name) => [name, plain(expected[name])])
      t.same(
        found.map(([name, value]) => [name, String(value)]),
        wanted.map(([name, value]) => [name, String(value)]),
        `${stream}, schema of ${schema.since}`,
      )
    }
  }
})
