import { GatepostError } from '../../../common/errors.ts'

/** How a bucket is reached: GATEPOST_BACKUP_S3_ENDPOINT and the variables of AWS. */
export interface S3Access {
  /** Undefined: Amazon's of the region. */
  readonly endpoint: string | undefined
  readonly region: string
  readonly accessKeyId: string | undefined
  readonly secretAccessKey: string | undefined
  readonly sessionToken: string | undefined
}

/** Where backups are in a bucket. */
export interface S3Address {
  readonly bucket: string
  /** Empty, or ends with a slash. */
  readonly prefix: string
}

const ADDRESS = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([\w!.*'()/-]*))?$/

export function isS3(text: string): boolean {
  return text.startsWith('s3://')
}

/** Null: it is no address such as s3://bucket/prefix. */
export function parseS3(text: string): S3Address | null {
  const [, bucket, path = ''] = ADDRESS.exec(text) ?? []
  if (bucket === undefined || path.startsWith('/') || path.includes('//') || /(^|\/)\.\.?(\/|$)/.test(path)) return null
  return { bucket, prefix: path === '' || path.endsWith('/') ? path : `${path}/` }
}

/** @throws GatepostError INPUT_INVALID */
export function s3Address(text: string): S3Address {
  const address = parseS3(text)
  if (address !== null) return address
  throw new GatepostError('INPUT_INVALID', `${text}: allowed is s3://bucket or s3://bucket/prefix`)
}
