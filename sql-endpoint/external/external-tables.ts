import { SqlError } from '../errors.ts'
import { allowsInputFormat } from '../wire/formats.ts'
import { literal } from '../guard/tokens.ts'
import type { DataFile } from '../insert.ts'
import type { ExternalFile } from './multipart.ts'

/** A table that is sent with a query, and is there for that query only. */
export interface ExternalTable {
  readonly name: string
  /** CREATE TEMPORARY TABLE, as sent: the guard has to judge it, as a definition and nothing else. */
  readonly definition: string
  readonly format: string
  readonly data: DataFile
}

const NAME = /^[A-Za-z_]\w{0,127}$/
const PARTS = ['format', 'types', 'structure'] as const

/** Names of parameters that belong to these tables. */
export function parametersOfTables(files: readonly ExternalFile[]): Set<string> {
  return new Set(files.flatMap(({ name }) => PARTS.map((part) => `${name}_${part}`)))
}

/** @throws SqlError BAD_ARGUMENTS, UNKNOWN_FORMAT */
export function externalTablesOf(files: readonly ExternalFile[], params: URLSearchParams): ExternalTable[] {
  const tables = files.map(({ name, data }) => {
    if (!NAME.test(name)) throw new SqlError('BAD_ARGUMENTS', `${JSON.stringify(name)} is no name of an external table`)
    const format = params.get(`${name}_format`) ?? 'TabSeparated'
    if (!allowsInputFormat(format))
      throw new SqlError('UNKNOWN_FORMAT', `Format ${format} is not available for input here`)
    return { name, definition: `CREATE TEMPORARY TABLE \`${name}\` (${columnsOf(name, params)}\n)`, format, data }
  })
  if (new Set(tables.map(({ name }) => name)).size < tables.length)
    throw new SqlError('BAD_ARGUMENTS', 'Two external tables have the same name')
  return tables
}

export function fillingOf({ name, format, data }: ExternalTable): string {
  return `INSERT INTO \`${name}\` FROM INFILE ${literal(data.path)} COMPRESSION '${data.compression}' FORMAT ${format}`
}

function columnsOf(name: string, params: URLSearchParams): string {
  const structure = params.get(`${name}_structure`)
  if (structure !== null) return structure
  const types = params.get(`${name}_types`)
  if (types === null)
    throw new SqlError('BAD_ARGUMENTS', `External table ${name} needs ${name}_structure or ${name}_types`)
  return splitTypes(types)
    .map((type, i) => `_${i + 1} ${type}`)
    .join(', ')
}

/** At commas that are not within a type: UInt8, Decimal(9, 2), Enum8('a, b' = 1). */
function splitTypes(types: string): string[] {
  const parts = ['']
  let depth = 0
  for (const [piece] of types.matchAll(/'(?:[^'\\]|\\[^])*'|[^]/g)) {
    if (piece === '(') depth++
    if (piece === ')') depth--
    if (piece === ',' && depth === 0) parts.push('')
    else parts[parts.length - 1] += piece
  }
  return parts
}
