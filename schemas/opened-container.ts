import { isUnion } from './avro-type.ts'
import { messageOf } from '../common/errors.ts'
import { parseSchema, recordSchema, type RecordField, type RecordSchema } from '../schemas/avro.ts'
import { CODEC_KEY, SCHEMA_KEY, SINCE_KEY } from '../schemas/container.ts'
import { knownSchemas } from '../schemas/known.ts'
import type { Stream } from '../schemas/streams/index.ts'
import { readHeader, type ContainerHeader } from './scan.ts'

/** A container that can be parsed, with the schema and sync marker from its header. */
export interface OpenedContainer {
  readonly schema: RecordSchema
  readonly sync: Buffer
  /** Offset of the first block. */
  readonly start: number
}

/** A container with an intact header that this version cannot parse. */
export interface UnreadableContainer {
  readonly unreadable: string
  /** The version that can parse it; null: the header does not say. */
  readonly since: string | null
}

/**
 * Opens a container with a stream's records, whichever version wrote it.
 * @returns null: the bytes do not begin with a complete header
 */
export function openContainer(stream: Stream, bytes: Buffer): OpenedContainer | UnreadableContainer | null {
  const known = opened.get(stream)?.find((container) => beginsWith(bytes, container.header))
  if (known !== undefined) return known
  const header = readHeader(bytes)
  if (header === null) return null
  const since = header.metadata.get(SINCE_KEY)?.toString('utf8') ?? null
  const codec = header.metadata.get(CODEC_KEY)?.toString('latin1') ?? 'null'
  if (codec !== 'null') return { unreadable: `its blocks are compressed with ${codec}`, since }
  const schema = writerSchema(stream, header, since)
  if (typeof schema === 'string') return { unreadable: schema, since }
  return remember({
    schema: shared(schema),
    sync: Buffer.from(header.sync),
    start: header.end,
    header: Buffer.from(bytes.subarray(0, header.end)),
  })
}

/**
 * The schema in the header, or a text that says why there is none. Gatepost's sync markers are the fingerprints of their schemas: if the
 * schema's text does not match a known marker, the text is damaged.
 */
function writerSchema(
  stream: Stream,
  { metadata, sync }: ContainerHeader,
  since: string | null,
): RecordSchema | string {
  let schema: RecordSchema | string
  try {
    schema = parseSchema(stream, metadata.get(SCHEMA_KEY)?.toString('utf8') ?? '', since)
    if (sync.equals(schema.fingerprint)) return beginsWithIdentity(schema) ? schema : 'its records have no identity'
  } catch (error) {
    schema = messageOf(error)
  }
  const marked = knownSchemas(stream).find(({ fingerprint }) => fingerprint.equals(sync))
  if (marked !== undefined || typeof schema === 'string') return marked ?? schema
  return beginsWithIdentity(schema) ? schema : 'its records have no identity'
}

interface Known extends OpenedContainer {
  readonly header: Buffer
}

/**
 * Cache of parsed headers, the latest first. While a fleet is upgraded, each stream has two, and comparing a header costs a fraction of
 * parsing its schema. Beyond the limit the oldest is dropped, and parsed again when needed.
 */
const opened = new Map<Stream, Known[]>()
const MAX_KNOWN = 8

function remember(container: Known): OpenedContainer {
  const { stream } = container.schema
  opened.set(stream, [container, ...(opened.get(stream) ?? [])].slice(0, MAX_KNOWN))
  return container
}

/** Returns the same object for equal schemas (their texts may differ in wording), so that per-schema caches are shared. */
function shared(schema: RecordSchema): RecordSchema {
  const current = recordSchema(schema.stream)
  const all = [current, ...(opened.get(schema.stream) ?? []).map((container) => container.schema)]
  return all.find(({ fingerprint }) => fingerprint.equals(schema.fingerprint)) ?? schema
}

function beginsWith(bytes: Buffer, header: Buffer): boolean {
  return bytes.length >= header.length && bytes.compare(header, 0, header.length, 0, header.length) === 0
}

/** Every record begins with received_at and batch_id, from which a block's identity and time are read. */
function beginsWithIdentity({ fields: [receivedAt, batchId] }: RecordSchema): boolean {
  return isOf(receivedAt, 'received_at', { type: 'long' }) && isOf(batchId, 'batch_id', { type: 'fixed', size: 16 })
}

function isOf(field: RecordField | undefined, name: string, wanted: { type: string; size?: number }): boolean {
  if (field?.name !== name || typeof field.type === 'string' || isUnion(field.type)) return false
  return field.type.type === wanted.type && field.type.size === wanted.size
}
