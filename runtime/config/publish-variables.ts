import { listOf, path, plainText, secretText, timeOfDay, url } from './values.ts'
import { HTTP_URL, optional, withDefault, type Variable } from './variable.ts'

/** When and where metrics are published. */
export const PUBLISH_VARIABLES = {
  publish: optional(
    'GATEPOST_PUBLISH',
    listOf('performance-platform', 'metrics-api', 's3', 'opensearch', 'file', 'stdout'),
    {
      description: 'Publishers of the metrics.',
      allowed: 'comma-separated, of performance-platform, metrics-api, s3, opensearch, file, stdout',
      unset: '(none)',
    },
  ),
  publishAtMinute: withDefault('GATEPOST_PUBLISH_AT', '00:15', timeOfDay(10, 23 * 60 + 50), {
    description:
      'When results are published, UTC: daily results every day, weekly ones on Mondays, monthly ones on the first. Hourly results are published ten minutes after the hour.',
    allowed: 'a time from 00:10 to 23:50, such as 06:30',
  }),
  publishDir: optional('GATEPOST_PUBLISH_DIR', path, {
    description: 'Directory of the publisher `file`.',
    allowed: 'a path',
  }),
  performanceUrl: optional('GATEPOST_PERFORMANCE_URL', url('http', 'https'), {
    description: 'Address of the publisher `performance-platform`.',
    allowed: HTTP_URL,
    secret: 'url',
  }),
  performanceDataset: optional('GATEPOST_PERFORMANCE_DATASET', plainText, {
    description: 'Data set of the publisher `performance-platform`.',
    allowed: 'a name',
  }),
  metricsApiUrl: optional('GATEPOST_METRICS_API_URL', url('http', 'https'), {
    description: 'Address of the publisher `metrics-api`.',
    allowed: HTTP_URL,
    secret: 'url',
  }),
  metricsApiToken: optional('GATEPOST_METRICS_API_TOKEN', secretText(1), {
    description: 'Bearer token of the publisher `metrics-api`.',
    allowed: 'any text',
    secret: 'whole',
  }),
  s3Url: optional('GATEPOST_S3_URL', url('http', 'https'), {
    description: 'Address of the publisher `s3`.',
    allowed: HTTP_URL,
    secret: 'url',
  }),
  s3Bucket: optional('GATEPOST_S3_BUCKET', plainText, {
    description: 'Bucket of the publisher `s3`.',
    allowed: 'a name',
  }),
  s3Region: withDefault('GATEPOST_S3_REGION', 'us-east-1', plainText, {
    description: 'Region of the publisher `s3`, as its signatures name it.',
    allowed: 'a name',
  }),
  s3AccessKeyId: optional('GATEPOST_S3_ACCESS_KEY_ID', plainText, {
    description: 'Access key of the publisher `s3`; with GATEPOST_S3_SECRET_ACCESS_KEY.',
    allowed: 'a name',
    unset: '(unset: requests are not signed)',
  }),
  s3SecretAccessKey: optional('GATEPOST_S3_SECRET_ACCESS_KEY', secretText(1), {
    description: 'Secret of the access key of the publisher `s3`.',
    allowed: 'any text',
    secret: 'whole',
  }),
  opensearchUrl: optional('GATEPOST_OPENSEARCH_URL', url('http', 'https'), {
    description:
      'Address of the publisher `opensearch`; it may end in the name of an index (default gatepost-metrics).',
    allowed: HTTP_URL,
    secret: 'url',
  }),
} satisfies Record<string, Variable>
