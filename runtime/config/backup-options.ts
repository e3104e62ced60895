import { resolve } from 'node:path'
import { isS3, type S3Access } from '../backup/s3/address.ts'
import type { Config } from './config.ts'

/** The options of buckets. */
export function s3Access(config: Config): S3Access {
  return {
    endpoint: config.backupS3Endpoint,
    region: config.awsRegion,
    accessKeyId: config.awsAccessKeyId,
    secretAccessKey: config.awsSecretAccessKey,
    sessionToken: config.awsSessionToken,
  }
}

/** Where backups are, as other processes understand it too: an absolute path, or the address of a bucket. */
export function backupPlace(to: string): string {
  return isS3(to) ? to : resolve(to)
}
