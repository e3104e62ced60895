import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { pino } from 'pino'
import { addLogins, openEngine } from '../../test/engine.ts'
import type { MetricResult } from '../../metrics/metric.ts'
import { metricNamed, type MetricDefinition } from '../../metrics/definitions.ts'
import { Lease } from '../../../store/lease.ts'
import { listPublications } from '../publications.ts'
import { draft, metricsOf, publish, type PublishRequest } from '../publish.ts'
import { publishersOf, type PublisherOptions } from '../publishers.ts'
import { dueAt, publishDue, type PublishScheduleStats } from '../schedule.ts'
import { freePorts } from '../../../test/helpers/instance.ts'
import { startReceiver } from './receiver.ts'
import { retentionOf } from '../../../store/retention.ts'

/*
 * What publishers send, byte for byte (docs/publishing.md). A real HTTP server receives; the metrics come from the real engine.
 */
const logger = pino({ level: 'silent' })
const store = await openEngine(t.testdir())
t.teardown(() => store.close())
await addLogins(store, [
  { at: '2024-03-04T10:00:00Z', user: 'alice', site: '192.0.2.1' },
  { at: '2024-03-04T11:00:00Z', user: 'alice', site: '192.0.2.1' },
  { at: '2024-03-04T11:30:00Z', user: 'bob', site: '192.0.2.1' },
  { at: '2024-03-04T12:00:00Z', user: 'carol', site: '192.0.2.2', success: 0 },
])

const NOTHING: PublisherOptions = {
  publish: [],
  publishDir: undefined,
  performanceUrl: undefined,
  performanceDataset: undefined,
  performanceBearers: {},
  metricsApiUrl: undefined,
  metricsApiToken: undefined,
  s3Url: undefined,
  s3Bucket: undefined,
  s3Region: 'us-east-1',
  s3AccessKeyId: undefined,
  s3SecretAccessKey: undefined,
  opensearchUrl: undefined,
}

const now = new Date('2024-03-05T12:00:00Z')
const retry = { retries: 2, firstMs: 1, maxMs: 5 }

function request(options: Partial<PublisherOptions>, more: Partial<PublishRequest> = {}): PublishRequest {
  const publishers = publishersOf({ ...NOTHING, ...options }, () => {})
  return {
    store,
    publishers,
    period: 'day',
    date: '2024-03-05',
    only: undefined,
    retention: retentionOf(3650),
    now,
    again: false,
    retry,
    ...more,
  }
}

const base64 = (text: string) => Buffer.from(text).toString('base64')

t.test('performance-platform', async (t) => {
  const { url, received, answers } = await startReceiver(t)
  const bearers = { 'account-usage': 'a1', 'unique-users': 'u1', 'active-users': 'c1', 'roaming-users': 'r1' }
  const options: Partial<PublisherOptions> = {
    publish: ['performance-platform'],
    performanceUrl: `${url}/`,
    performanceDataset: 'gov-wifi',
    performanceBearers: bearers,
  }
  const outcomes = await publish(request(options))
  t.same(
    outcomes.map(({ metric_name, status, answer }) => [metric_name, status, answer]),
    Object.keys(bearers).map((name) => [name, 'sent', '200 {"status":"ok"}']),
  )
  t.same(
    received.map(({ method, path, headers }) => [method, path, headers.authorization, headers['content-type']]),
    Object.entries(bearers).map(([name, token]) => [
      'POST',
      `/data/gov-wifi/${name}`,
      `Bearer ${token}`,
      'application/json',
    ]),
  )
  const stamp = '2024-03-04T00:00:00+00:00'
  const id = (rest: string) => base64(`${stamp}gov-wifiday${rest}`)
  const element = (name: string, rest: object, type = '') => ({
    _id: id(`${name}${type}`),
    _timestamp: stamp,
    dataType: name,
    period: 'day',
    ...rest,
  })
  const usage = (type: string, count: number) => element('account-usage', { type, count }, type)
  const roaming = (type: string, count: number) => element('roaming-users', { type, count }, type)
  t.equal(
    received[0].body,
    JSON.stringify([usage('total', 2), usage('transactions', 2), usage('roaming', 0), usage('one-time', 2)]),
  )
  t.equal(received[1].body, JSON.stringify([element('unique-users', { count: 3 })]))
  t.equal(received[2].body, JSON.stringify([element('active-users', { type: 'users', count: 2 })]))
  t.equal(received[3].body, JSON.stringify([roaming('active', 2), roaming('roaming', 0)]))

  received.length = 0
  answers.push({ status: 200, body: '<html>' })
  const monthly = await publish(request(options, { period: 'month', only: ['unique-users'] }))
  t.match(monthly, [{ status: 'failed', answer: '200 <html>' }], 'an answer that is not JSON is not a success')
  t.equal(received.length, 1, 'and is not sent again')
  t.match(JSON.parse(received[0].body), [{ period: 'month', month_count: 3 }])
  t.notOk('count' in (JSON.parse(received[0].body) as object[])[0])

  const without = await publish(
    request({ ...options, performanceBearers: {} }, { only: ['active-users'], again: true }),
  )
  t.match(without, [{ status: 'failed', answer: 'GATEPOST_PERFORMANCE_BEARER_ACTIVE_USERS is not set' }])
})

t.test('metrics-api', async (t) => {
  const { url, received } = await startReceiver(t)
  await publish(request({ publish: ['metrics-api'], metricsApiUrl: url, metricsApiToken: 'token' }))
  t.same(
    received.map(({ method, path, headers, body }) => [method, path, headers.authorization, body]),
    [
      ['monthly-rolling-window-total-active-users', 2],
      ['monthly-rolling-window-total-roaming-users', 0],
      ['month-to-date-total-active-users', 2],
      ['month-to-date-total-roaming-users', 0],
    ].map(([name, users]) => [
      'POST',
      '/v1/record',
      'Bearer token',
      `{"name":"${name}","value":"${users}","datetime":"2024-03-05T00:00:00Z"}`,
    ]),
  )
})

t.test('opensearch', async (t) => {
  const { url, received } = await startReceiver(t)
  const address = new URL(url)
  address.username = 'user'
  address.password = 'p@ss'
  const only = ['active-users']
  await publish(request({ publish: ['opensearch'], opensearchUrl: address.href }, { only }))
  await publish(request({ publish: ['opensearch'], opensearchUrl: `${url}/wifi` }, { only }))
  t.same(
    received.map(({ method, path, headers, body }) => [method, path, headers.authorization, body]),
    [
      ['/gatepost-metrics', `Basic ${base64('user:p@ss')}`],
      ['/wifi', undefined],
    ].map(([index, authorization]) => [
      'PUT',
      `${index}/_doc/active-users-day-2024-03-05`,
      authorization,
      '{"metric_name":"active-users","period":"day","date":"2024-03-05","users":2}',
    ]),
  )
  const stored = JSON.stringify(await listPublications(store, { failed: false, limit: 1000 }))
  t.notOk(stored.includes('p@ss') || stored.includes('p%40ss'), 'no login is kept')
})

t.test('file', async (t) => {
  const directory = join(t.testdir(), 'out')
  const outcomes = await publish(request({ publish: ['file'], publishDir: directory }))
  t.ok(outcomes.length > 10)
  t.ok(outcomes.every(({ status }) => status === 'sent'))
  t.equal(
    readFileSync(join(directory, 'account_usage/account_usage-day-2024-03-05.json'), 'utf8'),
    '{"metric_name":"account-usage","period":"day","date":"2024-03-05","total":2,"transactions":2,"roaming":0,"one_time":2}\n',
  )
  const hourly = await publish(
    request({ publish: ['file'], publishDir: directory }, { period: 'hour', date: '2024-03-04T12' }),
  )
  t.match(hourly, [{ metric_name: 'request-stats', status: 'sent', date: '2024-03-04T12' }])
  const name = 'request_stats/request_stats-hour-2024-03-04T12.json'
  t.match(JSON.parse(readFileSync(join(directory, name), 'utf8')), {
    rows: [{ site_ip: '192.0.2.1', successes: 2, failures: 0 }],
  })
})

t.test('a result that was sent is not sent again unless it has changed', async (t) => {
  const { url, received } = await startReceiver(t)
  const options: Partial<PublisherOptions> = { publish: ['opensearch'], opensearchUrl: `${url}/again` }
  const only = ['active-users']
  t.match(await publish(request(options, { only, date: '2024-03-04' })), [{ status: 'sent' }])
  t.match(await publish(request(options, { only, date: '2024-03-04' })), [{ status: 'unchanged' }])
  t.equal(received.length, 1)
  t.match(await publish(request(options, { only, date: '2024-03-04', again: true })), [{ status: 'sent' }])
  t.equal(received.length, 2)
  await addLogins(store, [{ at: '2024-03-03T10:00:00Z', user: 'dave' }])
  t.match(await publish(request(options, { only, date: '2024-03-04' })), [{ status: 'sent' }])
  t.match(JSON.parse(received[2].body), { users: 1 })
  t.equal(received[2].path, received[0].path, 'it replaces what was there')
})

t.test(
  'failures: temporary ones are retried, refusals are not, and the next run sends the missing results',
  async (t) => {
    const { url, received, answers } = await startReceiver(t)
    const options: Partial<PublisherOptions> = { publish: ['opensearch'], opensearchUrl: `${url}/failing` }
    const run = (only: string) => publish(request(options, { only: [only] }))
    answers.push({ status: 503, body: 'busy' }, { status: 429, body: 'slower' }, { status: 201, body: '{}' })
    t.match(await run('active-users'), [{ status: 'sent', answer: '201 {}' }])
    t.equal(received.length, 3)
    answers.splice(0, answers.length, { status: 400, body: '{"error":"no such index"}' })
    t.match(await run('unique-users'), [{ status: 'failed', answer: '400 {"error":"no such index"}' }])
    t.equal(received.length, 4)
    answers.splice(0, answers.length, { status: 500, body: 'broken' })
    t.match(await run('user-devices'), [{ status: 'failed', answer: '500 broken' }])
    t.equal(received.length, 7)
    const [closed] = await freePorts(1)
    const nobody = { ...options, opensearchUrl: `http://127.0.0.1:${closed}/failing` }
    t.match(await publish(request(nobody, { only: ['roaming-users'] })), [
      { status: 'failed', answer: /^no answer: .*ECONNREFUSED/ },
    ])
    const failed = await listPublications(store, { failed: true, limit: 10 })
    t.match(
      failed
        .filter(({ target }) => target.includes('failing'))
        .map(({ metric_name, attempts }) => [metric_name, attempts]),
      [
        ['roaming-users', 3],
        ['user-devices', 3],
        ['unique-users', 1],
      ],
    )
    answers.splice(0, answers.length, { status: 200, body: '{}' })
    t.match(await run('unique-users'), [{ status: 'sent' }])
    t.notOk(
      (await listPublications(store, { failed: true, limit: 10 })).some(
        ({ metric_name, target }) => metric_name === 'unique-users' && target.includes('failing'),
      ),
    )
  },
)

t.test('a dry run sends nothing', async (t) => {
  const { url, received } = await startReceiver(t)
  const drafts = await draft(request({ publish: ['opensearch', 'stdout'], opensearchUrl: `${url}/dry` }))
  t.equal(drafts.length, 2 * metricsOf('day').length)
  t.equal(received.length, 0)
})

t.test('results of incomplete windows and of windows without data are not sent', async (t) => {
  const { url, received } = await startReceiver(t)
  const options: Partial<PublisherOptions> = { publish: ['opensearch'], opensearchUrl: `${url}/gone` }
  const only = ['active-users']
  t.match(await publish(request(options, { only, date: '2024-03-06' })), [{ status: 'skipped' }])
  t.match(await publish(request(options, { only, date: '2020-01-01', retention: retentionOf(32) })), [
    { status: 'skipped', date: '2020-01-01' },
  ])
  t.equal(received.length, 0)
})

t.test('runs that are due', (t) => {
  const begun = Date.parse('2024-02-28T00:00:00Z')
  const due = (at: string, minute = 15) =>
    dueAt(new Date(at), minute, begun).map(({ period, date }) => `${period} ${date}`)
  const days = due('2024-03-05T00:15:00Z').filter((entry) => !entry.startsWith('hour'))
  t.same(days, [
    'day 2024-02-29',
    'day 2024-03-01',
    'month 2024-03-01',
    'day 2024-03-02',
    'day 2024-03-03',
    'day 2024-03-04',
    'week 2024-03-04',
    'day 2024-03-05',
  ])
  t.notOk(due('2024-03-05T00:14:59Z').includes('day 2024-03-05'))
  t.notOk(due('2024-03-05T05:00:00Z', 360).includes('day 2024-03-05'))
  const hours = due('2024-03-05T12:09:00Z').filter((entry) => entry.startsWith('hour'))
  t.equal(hours.at(-1), 'hour 2024-03-05T11', 'hours are due ten minutes after their end')
  t.equal(hours.length, 23)
  t.end()
})

t.test('a schedule catches up missing results, once, and one reporter at a time', async (t) => {
  const { url, received, answers } = await startReceiver(t)
  const at = new Date('2024-03-06T00:20:00Z')
  const publishers = publishersOf({ ...NOTHING, publish: ['opensearch'], opensearchUrl: `${url}/clock` }, () => {})
  const options = { store, publishers, atMinute: 15, retention: retentionOf(3650), logger, retry }
  const first = new Lease(store, 'publishing', 1000)
  const second = new Lease(store, 'publishing', 1000)
  const stats: PublishScheduleStats = { sent: 0, failed: 0 }
  answers.push({ status: 500, body: '' })
  const both = await Promise.all([publishDue(options, first, at, stats), publishDue(options, second, at, stats)])
  t.equal(both.filter(({ failed }) => failed > 0).length, 1, 'one of two has the lease')
  answers.splice(0, answers.length, { status: 200, body: '{}' })
  const before = received.length
  stats.sent = 0
  const owner = both[0].failed > 0 ? first : second
  t.same(await publishDue(options, owner, at, stats), { failed: 0 })
  t.ok(stats.sent > 20, `${stats.sent} sent`)
  t.equal(received.length - before, stats.sent)
  t.same(await publishDue(options, owner, at, stats), { failed: 0 })
  t.equal(received.length - before, stats.sent, 'nothing twice')
  const other = owner === first ? second : first
  t.equal(await other.take(), false)
  await owner.release()
  t.equal(await other.take(), true, 'a lease that was released')
})

t.test('a published result does not say whether it was stored before', (t) => {
  const [file] = publishersOf({ ...NOTHING, publish: ['file'], publishDir: '/nowhere' }, () => {})
  const metric = metricNamed('active-users') as MetricDefinition
  t.ok(file.takes(metric))
  const result = {
    metric_name: 'active-users',
    period: 'day',
    date: '2024-03-05',
    users: 2,
    stored: true,
  } as object as MetricResult
  t.equal(file.message(result).body, '{"metric_name":"active-users","period":"day","date":"2024-03-05","users":2}')
  t.end()
})
