import { recordSchema, type RecordField, type RecordSchema } from './avro.ts'
import { isUnion, type AvroType } from './avro-type.ts'

/*
 * How this version stores records that were written with another schema: Avro's schema resolution (Avro specification 1.11, "Schema
 * Resolution"), limited to the changes that a released schema may get:
 *
 *  a field that was added and has a default      is not read: its column's default, which is the same, is stored
 *  a field that was renamed, with its old name   is read under the old name and stored under the new one
 *  among its aliases
 *  a type that was promoted: int → long, float   is read as it was written, and cast to its column
 *  or double, T → union of null and T
 *
 * A field without a column in this version is never dropped silently: the records are held for a version that has the column.
 */

/** A field to store, and the writer's name and type of it. */
export interface ResolvedField {
  /** The name in this version, which is also the column's. */
  readonly name: string
  readonly written: RecordField
}

export interface Resolution {
  /** In the writer's order. */
  readonly fields: readonly ResolvedField[]
  /** Why this version cannot store records of this schema whole; null: it can. */
  readonly obstacle: string | null
}

const resolutions = new WeakMap<RecordSchema, Resolution>()

/** How this version stores records of a writer's schema. */
export function resolve(writer: RecordSchema): Resolution {
  let resolution = resolutions.get(writer)
  if (resolution === undefined) {
    resolution = resolveAgainst(writer.fields, recordSchema(writer.stream).fields)
    resolutions.set(writer, resolution)
  }
  return resolution
}

/** The same for a reader with any fields. */
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

/** The types that a value of each type can be read as, besides its own. */
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

/** The other type in a union of null and one type; null: not such a union. */
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
