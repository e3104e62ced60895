import type { RecordSchema } from './avro.ts'

/** Groups items by the schema of their records and keeps their order: a container, or an insert, has a single schema. */
export function bySchema<T extends { readonly schema: RecordSchema }>(items: readonly T[]): readonly (readonly T[])[] {
  const groups = new Map<RecordSchema, T[]>()
  for (const item of items) {
    const group = groups.get(item.schema)
    if (group === undefined) groups.set(item.schema, [item])
    else group.push(item)
  }
  return [...groups.values()]
}
