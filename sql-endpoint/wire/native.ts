import { SqlError } from '../errors.ts'

/**
 * Blocks of format Native as a client of a given protocol revision expects them. Over HTTP the engine in process writes revision 0; clients
 * that send `client_protocol_version` (clickhouse-go 54460, clickhouse-connect 54405) expect what a server sends on TCP: before each block
 * its BlockInfo, and from 54454 on, a byte after each column's type that says whether the column has a serialisation of its own. To put that
 * byte in, the columns' ends have to be found.
 *
 * block  := varint columns, varint rows, column* column := string name, string type, (rows > 0: state prefix, data)
 */
const WITH_BLOCK_INFO = 1
const WITH_CUSTOM_SERIALIZATION = 54_454
/** Field 1, is_overflows: 0; field 2, bucket_num: -1; end. */
const BLOCK_INFO = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0])
const ORDINARY = Buffer.from([0])

/** @throws SqlError NOT_IMPLEMENTED: a column's type is not known here */
export function toRevision(chunk: Buffer, revision: number): Buffer {
  if (revision < WITH_BLOCK_INFO) return chunk
  const cursor = new Cursor(chunk)
  const parts: Buffer[] = []
  while (cursor.at < chunk.length) {
    parts.push(BLOCK_INFO)
    let from = cursor.at
    const columns = cursor.varint()
    const rows = cursor.varint()
    for (let i = 0; i < columns; i++) {
      cursor.string()
      const type = parseType(cursor.string())
      if (revision >= WITH_CUSTOM_SERIALIZATION) {
        parts.push(chunk.subarray(from, cursor.at), ORDINARY)
        from = cursor.at
      }
      if (rows === 0) continue
      skipPrefix(cursor, type)
      skipData(cursor, type, rows)
    }
    parts.push(chunk.subarray(from, cursor.at))
  }
  return Buffer.concat(parts)
}

class Cursor {
  readonly #bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes.readUInt8(this.at++)
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }

  string(): string {
    const length = this.varint()
    this.skip(length)
    return this.#bytes.toString('utf8', this.at - length, this.at)
  }

  u64(): number {
    this.skip(8)
    return Number(this.#bytes.readBigUInt64LE(this.at - 8))
  }

  skip(bytes: number): void {
    this.at += bytes
    if (this.at > this.#bytes.length) throw new SqlError('NOT_IMPLEMENTED', 'A Native block is not understood')
  }
}

interface Type {
  readonly name: string
  readonly args: readonly Type[]
  readonly text: string
}

const types = new Map<string, Type>()

function parseType(text: string): Type {
  const known = types.get(text)
  if (known !== undefined) return known
  const open = text.indexOf('(')
  const name = open === -1 ? text : text.slice(0, open)
  const isComposite = /^(Array|Map|Tuple|Nested|Nullable|LowCardinality|SimpleAggregateFunction)$/.test(name)
  const inner = open === -1 || !isComposite ? [] : splitTop(text.slice(open + 1, -1))
  const args = (name === 'SimpleAggregateFunction' ? inner.slice(1) : inner).map((arg) =>
    parseType(withoutName(arg, name)),
  )
  const type = { name, args, text }
  if (types.size < 1000) types.set(text, type)
  return type
}

/** Elements of named tuples and of Nested: `name Type`, or with the name in backquotes. */
function withoutName(arg: string, of: string): string {
  if (of !== 'Tuple' && of !== 'Nested') return arg
  const match = /^(?:`(?:[^`\\]|\\.|``)*`|[A-Za-z_][A-Za-z0-9_]*) (?=[A-Za-z])/.exec(arg)
  return match === null ? arg : arg.slice(match[0].length)
}

function splitTop(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (char === "'" || char === '`') {
      for (i++; i < text.length && text[i] !== char; i++) if (text[i] === '\\') i++
    } else if (char === '(') depth++
    else if (char === ')') depth--
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(start, i).trim())
      start = i + 1
    }
  }
  const last = text.slice(start).trim()
  return last === '' ? parts : [...parts, last]
}

const WIDTHS: Record<string, number> = {
  UInt8: 1, Int8: 1, Bool: 1, Enum8: 1, Nothing: 1,
  UInt16: 2, Int16: 2, Date: 2, Enum16: 2, BFloat16: 2,
  UInt32: 4, Int32: 4, Float32: 4, DateTime: 4, Date32: 4, IPv4: 4, Decimal32: 4, Time: 4,
  UInt64: 8, Int64: 8, Float64: 8, DateTime64: 8, Decimal64: 8, Time64: 8,
  UInt128: 16, Int128: 16, UUID: 16, IPv6: 16, Decimal128: 16, Point: 16,
  UInt256: 32, Int256: 32, Decimal256: 32,
} // prettier-ignore

function widthOf(type: Type): number | null {
  const width = WIDTHS[type.name]
  if (width !== undefined) return width
  if (type.name.startsWith('Interval')) return 8
  const [first] = /\d+/.exec(type.text.slice(type.name.length)) ?? []
  if (type.name === 'FixedString') return Number(first)
  if (type.name !== 'Decimal') return null
  const precision = Number(first)
  return precision <= 9 ? 4 : precision <= 18 ? 8 : precision <= 38 ? 16 : 32
}

/** What a column's type writes once before its data. */
function skipPrefix(cursor: Cursor, type: Type): void {
  if (type.name === 'LowCardinality') cursor.skip(8)
  else for (const arg of type.args) skipPrefix(cursor, arg)
}

function skipData(cursor: Cursor, type: Type, rows: number): void {
  const width = widthOf(type)
  if (width !== null) {
    cursor.skip(width * rows)
    return
  }
  switch (type.name) {
    case 'String':
      for (let i = 0; i < rows; i++) cursor.skip(cursor.varint())
      return
    case 'Nullable':
      cursor.skip(rows)
      for (const arg of type.args) skipData(cursor, arg, rows)
      return
    case 'SimpleAggregateFunction':
      for (const arg of type.args) skipData(cursor, arg, rows)
      return
    case 'Tuple':
      if (type.args.length === 0) cursor.skip(rows)
      for (const arg of type.args) skipData(cursor, arg, rows)
      return
    case 'Array':
    case 'Map':
    case 'Nested':
      skipArray(cursor, type, rows)
      return
    case 'LowCardinality':
      skipLowCardinality(cursor, type, rows)
      return
    default:
      throw new SqlError(
        'NOT_IMPLEMENTED',
        `Type ${type.text} is not available in format Native of this client; cast it`,
      )
  }
}

function skipArray(cursor: Cursor, type: Type, rows: number): void {
  if (rows === 0) return
  cursor.skip(8 * (rows - 1))
  const elements = cursor.u64()
  for (const arg of type.args) skipData(cursor, arg, elements)
}

/** Index type in the low byte of the first number; the dictionary of this block; the indexes. */
function skipLowCardinality(cursor: Cursor, type: Type, rows: number): void {
  if (rows === 0) return
  const indexWidth = 2 ** (cursor.u64() & 0xff)
  const keys = cursor.u64()
  const [inner] = type.args
  const dictionary = inner?.name === 'Nullable' ? inner.args[0] : inner
  if (dictionary !== undefined) skipData(cursor, dictionary, keys)
  const indexes = cursor.u64()
  cursor.skip(indexes * indexWidth)
}
