import { createClient } from '@clickhouse/client'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import { send, startHarness, type Answer } from './harness.ts'

/* Symptom: passwords were guessed at 787 a second without a line in the log. Root cause: nothing limited wrong ones. */

const PASSWORD = 'of analysts'
const lines: Record<string, unknown>[] = []
const sink = new Writable({
  write(line: Buffer, _encoding, done) {
    lines.push(JSON.parse(line.toString()) as Record<string, unknown>)
    done()
  },
})
const harness = await startHarness({
  password: PASSWORD,
  trustedProxies: ['127.0.0.1'],
  logger: pino({ level: 'warn' }, sink),
})
t.teardown(() => harness.close())
const { url } = harness

const from = (address: string, user: string, password: string): Promise<Answer> =>
  send(url, {
    body: 'SELECT 1',
    headers: { 'X-Forwarded-For': address, 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password },
  })

t.test('wrong passwords of an address are limited, counted, and in the log once a minute', async (t) => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, guess) => from(`2001:db8::${guess.toString(16)}`, 'default', `guess ${guess}`)),
  )
  const statuses = answers.map(({ status }) => status)
  t.equal(statuses.filter((status) => status === 403).length, 10)
  t.equal(statuses.filter((status) => status === 429).length, 40)
  const refused = await from('2001:db8::1', 'default', PASSWORD)
  t.match(refused, { status: 429, headers: { 'x-clickhouse-exception-code': '516', 'retry-after': /^\d+$/ } })
  t.match(refused.text, /^Code: 516\. DB::Exception: default: too many wrong passwords .*\(AUTHENTICATION_FAILED\)/)
  t.match(harness.endpoint.stats().refused, { password: 10, guesses: 41 })
  const ofAddresses = lines.filter(({ msg }) => String(msg).startsWith('SQL endpoint: '))
  t.equal(ofAddresses.length, 1, 'the addresses of a /64 are one')
  t.match(ofAddresses[0], { user: 'default' })
  t.notMatch(JSON.stringify(lines), 'guess 1')
})

t.test('analysts elsewhere, and the commands of this machine, are not locked out', async (t) => {
  for (let address = 0; address < 5; address++)
    await Promise.all(Array.from({ length: 10 }, () => from(`192.0.2.${address}`, 'default', 'wrong')))
  t.equal((await from('198.51.100.1', 'default', PASSWORD)).status, 200)
  t.equal((await from('2001:db8::1', 'operator', 'operator-key')).status, 200, 'also from the address of the guesses')
  t.equal((await from('2001:db8::1', 'operator', 'no key')).status, 429)
})

t.test('an official client understands the refusal', async (t) => {
  const client = createClient({
    url,
    password: 'wrong',
    http_headers: { 'X-Forwarded-For': '192.0.2.0' },
    log: { level: 127 },
  })
  await t.rejects(client.query({ query: 'SELECT 1' }), { code: '516', type: 'AUTHENTICATION_FAILED' })
  await client.close()
})
