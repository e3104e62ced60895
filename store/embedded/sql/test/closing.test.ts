import t from 'tap'
import { query, startHarness } from './harness.ts'

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
