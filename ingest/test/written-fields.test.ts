import t from 'tap'
import { recordSchema } from '../../schemas/avro.ts'
import { TOPICS } from '../../schemas/streams/index.ts'
import { WRITTEN_FIELDS } from '../records.ts'

t.test('each encoder lists the fields of its schema, in their order', (t) => {
  for (const topic of TOPICS) {
    const own = recordSchema(topic).fields.slice(3)
    t.same(
      WRITTEN_FIELDS[topic],
      own.map(({ name }) => name),
      topic,
    )
  }
  t.end()
})
