import { request } from 'node:http'
import t from 'tap'
import { ADMIN, adminQuery, query, startHarness } from './harness.ts'

t.test('passwords of readers, and an endpoint that closes while it answers', async (t) => {
  const harness = await startHarness({ password: 'pw', limits: { maxExecutionSeconds: 4 } })
  t.match(await query(harness.url, 'SELECT 1'), { status: 401, headers: { 'www-authenticate': /Basic/ } })
  t.match(await query(harness.url, 'SELECT 1', { password: 'no' }), { status: 403 })
  t.match(await query(harness.url, 'SELECT 1', { password: 'pw' }), { status: 200, text: '1\n' })
  const endless = query(harness.url, 'SELECT number FROM numbers(100000000000) FORMAT Null', { password: 'pw' }).catch(
    () => null,
  )
  while (harness.endpoint.stats().active === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  await harness.close()
  await endless
  t.match(harness.endpoint.stats(), { active: 0, queued: 0, refused: { password: 2 } })
})

t.test('a writer whose client disconnects frees its slot', async (t) => {
  // Symptom: no later write was answered. Root cause: the endpoint waited for an answer that was closed before its end.
  const harness = await startHarness()
  t.teardown(() => harness.close())
  const leaving = request(harness.url, { method: 'POST', headers: ADMIN })
  leaving.on('error', () => undefined)
  leaving.end('INSERT INTO readings SELECT number, toString(cityHash64(number)) FROM numbers(1000000)')
  while (harness.endpoint.stats().active === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  leaving.destroy()
  t.match(await adminQuery(harness.url, 'INSERT INTO readings SELECT 1, toString(1)'), { status: 200 })
})
