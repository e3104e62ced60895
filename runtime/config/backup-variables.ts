import { isAbsolute, resolve } from 'node:path'
import { isS3, parseS3 } from '../backup/s3/address.ts'
import { duration, integer, parsed, plainText, secretText, url, type ValueSchema } from './values.ts'
import { HTTP_URL, optional, withDefault, type Variable } from './variable.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** A path, resolved against the working directory, or s3://bucket/prefix. */
const place: ValueSchema<string> = parsed((text) => {
  if (isS3(text)) return parseS3(text) === null ? undefined : text
  if (text === '' || text.includes('\0')) return undefined
  return isAbsolute(text) ? text : resolve(text)
})

/** When and where the data directory of an embedded store is backed up. */
export const BACKUP_VARIABLES = {
  backupTo: optional('GATEPOST_BACKUP_TO', place, {
    description:
      'Directory, or place in a bucket (`s3://bucket/prefix`), to which the data directory of an embedded store is backed up on a schedule; `gatepost backup` without --to uses it too. On another disk, and of this instance alone.',
    allowed: 'a path, or s3://bucket/prefix',
    unset: '(unset: only `gatepost backup --to` makes backups)',
  }),
  backupEveryMs: withDefault('GATEPOST_BACKUP_EVERY', '24h', duration(MINUTE, 31 * DAY), {
    description:
      'Interval of these backups. A full one is made if the last is older than seven days; the others hold what is new since then.',
    allowed: 'a duration from 1m to 31d',
  }),
  backupKeep: withDefault('GATEPOST_BACKUP_KEEP', '14', integer(1, 10_000), {
    description: 'How many backups the schedule keeps in that directory, besides the full ones that they are based on.',
    allowed: 'a whole number, 1 to 10000',
  }),
  backupS3Endpoint: optional('GATEPOST_BACKUP_S3_ENDPOINT', url('http', 'https'), {
    description: 'Address of the service that has the bucket, if it is not Amazon S3; buckets are named in the path.',
    allowed: HTTP_URL,
    unset: '(unset: Amazon S3 in AWS_REGION)',
    secret: 'url',
  }),
  awsRegion: withDefault('AWS_REGION', 'us-east-1', plainText, {
    description: 'Region of the bucket of backups.',
    allowed: 'a name',
  }),
  awsAccessKeyId: optional('AWS_ACCESS_KEY_ID', plainText, {
    description:
      'Access key for the bucket of backups; with AWS_SECRET_ACCESS_KEY. No other source of credentials is asked.',
    allowed: 'a name',
    unset: '(unset: no backups to S3)',
  }),
  awsSecretAccessKey: optional('AWS_SECRET_ACCESS_KEY', secretText(1), {
    description: 'Secret of that access key.',
    allowed: 'any text',
    secret: 'whole',
  }),
  awsSessionToken: optional('AWS_SESSION_TOKEN', secretText(1), {
    description: 'Token of temporary credentials, which expire: for commands rather than for a schedule.',
    allowed: 'any text',
    secret: 'whole',
  }),
} satisfies Record<string, Variable>
