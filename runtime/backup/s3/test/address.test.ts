import t from 'tap'
import { parseS3 } from '../address.ts'
import { keysOf, nextPageOf, prefixesOf } from '../xml.ts'

t.test('addresses', (t) => {
  t.same(parseS3('s3://backups'), { bucket: 'backups', prefix: '' })
  t.same(parseS3('s3://backups/'), { bucket: 'backups', prefix: '' })
  t.same(parseS3('s3://backups/site/one'), { bucket: 'backups', prefix: 'site/one/' })
  t.same(parseS3('s3://backups/site/one/'), { bucket: 'backups', prefix: 'site/one/' })
  for (const wrong of [
    's3://',
    's3:///x',
    's3://a',
    's3://Backups/x',
    's3://b_b/x',
    's3://backups//x',
    's3://backups/a/../b',
    's3://backups/a?b',
    'S3://backups',
  ])
    // prettier-ignore
    t.equal(parseS3(wrong), null, wrong)
  t.end()
})

t.test('listings', (t) => {
  const xml =
    '<ListBucketResult><Prefix>p/</Prefix><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b=</NextContinuationToken>' +
    '<Contents><Key>p/x&#x20;&lt;y&gt;</Key></Contents><CommonPrefixes><Prefix>p/one/</Prefix></CommonPrefixes></ListBucketResult>'
  t.same(keysOf(xml), ['p/x <y>'])
  t.same(prefixesOf(xml), ['p/one/'])
  t.equal(nextPageOf(xml), 'a&b=')
  t.equal(nextPageOf('<ListBucketResult/>'), null)
  t.end()
})
