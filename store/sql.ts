/** What the parts of a store that only speak SQL need of a connection. */
export interface SqlConnection {
  /** Rows of a SELECT as objects, 64-bit integers as strings. */
  rows<T>(sql: string): Promise<T[]>
  /** A statement without a result. */
  run(sql: string): Promise<void>
}

/** The database of every table. */
export const DATABASE = 'gatepost'

/** A string literal. */
export function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** The code of an engine's error (a number as text, see system.errors), or null. */
export function engineCode(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^\d+$/.test(code) ? code : null
}
