import type { Store } from './contract.ts'

// Rows go inside the statement's text; smaller statements cost a round trip more, larger ones memory in two processes.
const CHUNK_CHARACTERS = 256 * 1024

/**
 * Inserts rows as JSON lines: data behind FORMAT is read by the format's parser, never as SQL. Several statements when
 * the rows are many, so the table must be one that nobody reads yet, or the rows few.
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
