/**
 * Child process of tests: migrates a store and logs to its standard output. Arguments: the directory of an embedded store or the URL of a
 * server, and the directory of the migrations. Two more make it stop for good in the middle, so that its parent can kill it there: a part of
 * a step's statement, and a query. It logs `cut` once this query, beside the running statement, has rows; if the query is empty, once the
 * statement is done. In both cases the step is never recorded.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { openEmbeddedStore } from '../embedded/open.ts'
import { loadMigrations, migrate } from '../migrations.ts'
import { openServerStore } from '../server/open.ts'
import type { SqlConnection } from '../sql.ts'

const POLL_MS = 5

const [place, migrations, cutAt, condition] = process.argv.slice(2)
const logger = pino(pino.destination({ dest: 1, sync: true }))
const store = place.startsWith('http:')
  ? await openServerStore({ url: place, logger })
  : await openEmbeddedStore({ path: place, logger })

const sql: SqlConnection = {
  rows: <T>(text: string) => store.query<T>(text),
  run: async (text) => {
    const running = store.command(text)
    if (cutAt === undefined || !text.includes(cutAt)) return await running
    let isDone = false
    const done = running.finally(() => (isDone = true))
    done.catch((error: unknown) => logger.error({ err: error }, 'the statement failed'))
    if (condition === '') await done
    else while (!isDone && (await store.query(condition)).length === 0) await sleep(POLL_MS)
    logger.info('cut')
    for (;;) await sleep(1000)
  },
}
await migrate(sql, loadMigrations(migrations), logger)
await store.close()
