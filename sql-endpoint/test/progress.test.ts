import t from 'tap'
import { query, startHarness } from './harness.ts'

// On a busy machine these queries take many seconds.
const harness = await startHarness({ limits: { maxExecutionSeconds: 3600 } })
t.teardown(() => harness.close())
const { url } = harness

t.test('progress in headers, when the answer begins', async (t) => {
  const progress = { send_progress_in_http_headers: '1', http_headers_progress_interval_ms: '100' }
  const slow = 'SELECT count() FROM numbers(600000000) WHERE number % 7 = 3'
  for (const format of ['TSV', 'JSON', 'Pretty']) {
    const answer = await query(url, slow, { ...progress, default_format: format })
    t.equal(answer.status, 200, format)
    const lines = String(answer.headers['x-clickhouse-progress']).split(/, (?=\{)/)
    t.ok(lines.length >= 1 && lines.length <= 20)
    for (const line of lines) {
      const { read_rows, total_rows_to_read } = JSON.parse(line) as Record<string, string>
      t.ok(Number(read_rows) >= 0 && Number(read_rows) <= 600000000, line)
      t.match(total_rows_to_read, /^(0|600000000)$/)
    }
  }
  const later = { ...progress, http_headers_progress_interval_ms: '600000' }
  t.equal((await query(url, 'SELECT 1', later)).headers['x-clickhouse-progress'], undefined, 'nothing was seen')
  t.equal((await query(url, slow)).headers['x-clickhouse-progress'], undefined, 'not asked for')
})
