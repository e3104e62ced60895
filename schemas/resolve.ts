import { recordSchema, type RecordField, type RecordSchema } from './avro.ts'
import { isUnion, type AvroType } from './avro-type.ts'

/*
 * How records of one schema are stored by a version that has another one: Avro's schema resolution (Avro specification 1.11, "Schema
 * Resolution"), as far as a change of a released schema may need it:
 *
 *   a field that was added and has a default      is not asked for: its column's default, which is the same, is stored
 *   a field that was renamed, with its old name   is read under the old name and stored under the new one
 *   among its aliases
 *   a type that was promoted: int → long, float   is read as it was written, and cast to its column
 *   or double, T → union of null and T
 *
 * A field that this version has no column for is never left out in silence: the records wait for a version that has it.
 */

/** A field of stored records, and how the writer called and wrote it. */
export interface ResolvedField {
  /** The field's name in this version, which is its column's. */
  readonly name: string
  readonly written: RecordField
}

export interface Resolution {
  /** In the writer's order. */
  readonly fields: readonly ResolvedField[]
  /** Why records of this schema cannot be stored whole by this version; null: they can. */
  readonly obstacle: string | null
}

const resolutions = new WeakMap<RecordSchema, Resolution>()

/** How this version stores records of a writer's schema. */
export function resolve(writer: RecordSchema): Resolution {
  let resolution = resolutions.get(writer)
  if (resolution === undefined) {
    resolution = resolveAgainst(writer.fields, recordSchema(writer.topic).fields)
    resolutions.set(writer, resolution)
  }
  return resolution
}

/** The same for any reader: fields of a written schema as a reader with other fields stores them. */
export function resolveAgainst(written: readonly RecordField[], read: readonly RecordField[]): Resolution {
  const fields: ResolvedField[] = []
  const obstacles: string[] = []
  for (const field of written) {
    const reader =
      read.find(({ name }) => name === field.name) ?? read.find(({ aliases }) => aliases?.includes(field.name))
    if (reader === undefined) obstacles.push(`field ${field.name} is not known`)
    else if (fields.some(({ name }) => name === reader.name)) obstacles.push(`field ${reader.name} occurs twice`)
    else if (!isReadable(field.type, reader.type)) {
      obstacles.push(
        `field ${field.name} is ${JSON.stringify(field.type)}, which is not ${JSON.stringify(reader.type)}`,
      )
    } else fields.push({ name: reader.name, written: field })
  }
  for (const { name, default: value } of read) {
    if (value === undefined && !fields.some((field) => field.name === name)) obstacles.push(`field ${name} is missing`)
  }
  return { fields, obstacle: obstacles.length === 0 ? null : obstacles.join('; ') }
}

/** Types that every value of a type can be read as, besides itself. */
const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
}

function isReadable(written: AvroType, read: AvroType): boolean {
  const branches = nullable(read)
  if (isUnion(written)) {
    const inner = nullable(written)
    return inner !== null && branches !== null && isReadable(inner, branches)
  }
  if (branches !== null) return isReadable(written, branches)
  const [from, to] = [plain(written), plain(read)]
  if (from.type === to.type) {
    if (from.type === 'map') return isReadable(from.values ?? 'string', to.values ?? 'string')
    return from.logicalType === to.logicalType && from.size === to.size
  }
  return (
    from.logicalType === undefined && to.logicalType === undefined && PROMOTIONS[from.type]?.includes(to.type) === true
  )
}

/** The other branch of a union of null and one type; null: it is none. */
export function nullable(type: AvroType): AvroType | null {
  if (!isUnion(type)) return null
  const others = type.filter((branch) => branch !== 'null')
  return others.length === 1 && type.length === 2 ? others[0] : null
}

interface PlainType {
  readonly type: string
  readonly logicalType?: string
  readonly size?: number
  readonly values?: AvroType
}

function plain(type: AvroType): PlainType {
  if (typeof type === 'string') return { type }
  return isUnion(type) ? { type: 'union' } : type
}
