import { Busboy, type BusboyInstance } from '@fastify/busboy'
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { bodyOf } from '../body.ts'
import { within, type DataShare } from '../data-budget.ts'
import { SqlError } from '../errors.ts'
import { spool, type DataFile } from '../insert.ts'
import type { SqlLimits } from '../options.ts'

/** A part with a file name: the data of an external table. */
export interface ExternalFile {
  readonly name: string
  readonly data: DataFile
}

export interface Multipart {
  /** Parts without a file name: parameters as in the URL. */
  readonly fields: readonly (readonly [string, string])[]
  readonly files: readonly ExternalFile[]
}

const MOST_FILES = 10
const MOST_FIELDS = 300
const MOST_NAME_BYTES = 256

export function isMultipart(req: IncomingMessage): boolean {
  return req.method === 'POST' && /^multipart\/form-data\b/i.test(req.headers['content-type'] ?? '')
}

/**
 * Reads the whole body; files go to the disk. All of it is taken from the share.
 * @throws SqlError BAD_ARGUMENTS, QUERY_IS_TOO_LARGE, TOO_MANY_SIMULTANEOUS_QUERIES
 */
export async function readMultipart(
  req: IncomingMessage,
  params: URLSearchParams,
  limits: SqlLimits,
  share: DataShare,
): Promise<Multipart> {
  const fields: (readonly [string, string])[] = []
  const stopped = new AbortController()
  const writing: Promise<ExternalFile>[] = []
  const parser = parserOf(req, limits)
  let fail: (error: Error) => void = () => undefined
  const failed = new Promise<never>((_, reject) => (fail = reject))
  failed.catch(() => undefined)
  let tooMuch: string | null = null
  parser.on('field', (name, value, isNameCut, isValueCut) => {
    if (isNameCut || isValueCut) tooMuch ??= `a field of more than ${limits.maxQueryBytes} bytes`
    fields.push([name, value])
  })
  parser.on('file', (name, stream) => {
    // Of a body that ends within a file, only the file learns.
    stream.on('error', fail)
    const file = spool({ bytes: stream as AsyncIterable<Buffer>, compression: 'none' }, stopped.signal).then(
      (data) => ({ name, data }),
    )
    file.catch(fail)
    writing.push(file)
  })
  parser.on('filesLimit', () => (tooMuch ??= `more than ${MOST_FILES} files`))
  parser.on('fieldsLimit', () => (tooMuch ??= `more than ${MOST_FIELDS} fields`))
  const body = Readable.from(within(share, bodyOf(req, params, limits.maxInsertBytes)))
  body.on('error', fail)
  try {
    body.pipe(parser)
    await Promise.race([finished(parser), failed])
    if (tooMuch !== null) throw new SqlError('QUERY_IS_TOO_LARGE', `The form has ${tooMuch as string}`)
    return { fields, files: await Promise.all(writing) }
  } catch (error) {
    body.destroy()
    parser.destroy()
    stopped.abort()
    for (const file of await Promise.allSettled(writing)) {
      if (file.status === 'fulfilled') await file.value.data.remove()
    }
    if (error instanceof SqlError) throw error
    throw new SqlError('BAD_ARGUMENTS', "The request's form cannot be read", error)
  }
}

/** Parameters of the URL and of the form. Who asks was decided before the form was read. */
export function withFields(params: URLSearchParams, fields: Multipart['fields']): URLSearchParams {
  const asked = new URLSearchParams(params)
  for (const [name, value] of fields) if (!BEFORE.has(name)) asked.append(name, value)
  return asked
}

const BEFORE = new Set(['user', 'password', 'role'])

function parserOf(req: IncomingMessage, limits: SqlLimits): BusboyInstance {
  try {
    return new Busboy({
      headers: { 'content-type': req.headers['content-type'] ?? '' },
      // As a server: a part is a file if it has a file name.
      isPartAFile: (_name, _type, fileName) => fileName !== undefined,
      limits: {
        files: MOST_FILES,
        fields: MOST_FIELDS,
        parts: MOST_FILES + MOST_FIELDS,
        fieldNameSize: MOST_NAME_BYTES,
        fieldSize: limits.maxQueryBytes,
        headerPairs: 20,
        headerSize: 4096,
      },
    })
  } catch (error) {
    throw new SqlError('BAD_ARGUMENTS', "The request's form cannot be read", error)
  }
}
