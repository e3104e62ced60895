import type { Store } from './contract.ts'

// Rows are part of the statement's text: smaller statements cost more round trips, larger ones more memory in two processes.
const CHUNK_CHARACTERS = 256 * 1024

/**
 * Inserts rows as JSON lines: data after FORMAT is parsed by the format's parser, never as SQL. Many rows take several statements, so the
 * table must not be in use yet, or the rows must be few.
 */
export async function insertRows(store: Pick<Store, 'command'>, table: string, rows: Iterable<object>): Promise<void> {
  let lines: string[] = []
  let characters = 0
  const flush = async () => {
    if (lines.length === 0) return
    await store.command(`INSERT INTO ${table} FORMAT JSONEachRow\n${lines.join('\n')}\n`)
    lines = []
    characters = 0
  }
  for (const row of rows) {
    const line = JSON.stringify(row)
    lines.push(line)
    characters += line.length
    if (characters >= CHUNK_CHARACTERS) await flush()
  }
  await flush()
}
