import t from 'tap'
import { recordSchema } from '../../schemas/avro.ts'
import { STREAMS } from '../../schemas/streams/index.ts'
import { WRITTEN_FIELDS } from '../records.ts'

t.test('each encoder lists the fields of its schema, in their order', (t) => {
  for (const stream of STREAMS) {
    const own = recordSchema(stream).fields.slice(3)
    t.same(
      WRITTEN_FIELDS[stream],
      own.map(({ name }) => name),
      stream,
    )
  }
  t.end()
})
