import { join } from 'node:path'
import S3rver from 's3rver'
import { AwsClient } from 'aws4fetch'
import t from 'tap'
import { metricNamed, type MetricDefinition } from '../../metrics/definitions.ts'
import type { MetricResult } from '../../metrics/metric.ts'
import { S3 } from '../s3.ts'

/* Against a server that speaks S3. It checks keys and names of buckets, not the signatures themselves. */
const BUCKET = 'wifi-metrics'
/** The only key that this server knows. */
const KEY = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }
const metric = metricNamed('active-users') as MetricDefinition
const result: MetricResult = { metric_name: 'active-users', period: 'week', date: '2024-03-04', users: 7 }

const server = new S3rver({
  address: '127.0.0.1',
  port: 0,
  silent: true,
  directory: join(t.testdir(), 's3'),
  configureBuckets: [{ name: BUCKET }],
})
const { port } = await server.run()
t.teardown(() => server.close())
const url = `http://127.0.0.1:${port}`

t.test('an object for each result, replaced when it is sent again', async (t) => {
  const publisher = new S3({ url, bucket: BUCKET, region: 'us-east-1', ...KEY })
  const message = publisher.message(result)
  t.equal(message.target, `${url}/${BUCKET}/active_users/active_users-week-2024-03-04`)
  t.match(await publisher.send(metric, message), /^200/)
  const changed = publisher.message({ metric_name: 'active-users', period: 'week', date: '2024-03-04', users: 8 })
  t.match(await publisher.send(metric, changed), /^200/)
  const stored = await new AwsClient({ ...KEY, service: 's3', region: 'us-east-1' }).fetch(message.target)
  t.equal(stored.headers.get('content-type'), 'application/json')
  t.equal(await stored.text(), '{"metric_name":"active-users","period":"week","date":"2024-03-04","users":8}')
})

t.test('a refusal of the server is reported and not retried', async (t) => {
  const send = async (publisher: S3) => publisher.send(metric, publisher.message(result))
  const stranger = new S3({ url, bucket: BUCKET, region: 'us-east-1', accessKeyId: 'other', secretAccessKey: 'x' })
  await t.rejects(send(stranger), { name: 'PublishError', retryable: false, message: /^403 .*InvalidAccessKeyId/s })
  const nowhere = new S3({ url, bucket: 'no-such-bucket', region: 'us-east-1', ...KEY })
  await t.rejects(send(nowhere), { name: 'PublishError', retryable: false, message: /^404 .*NoSuchBucket/s })
})
