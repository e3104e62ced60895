import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { AwsClient } from 'aws4fetch'
import pRetry from 'p-retry'
import { GatepostError, messageOf } from '../../../common/errors.ts'
import type { S3Access, S3Address } from './address.ts'
import { completion, keysOf, nextPageOf, prefixesOf, uploadIdOf } from './xml.ts'

/** A larger file goes in parts, of which S3 takes 10,000. */
const PART_BYTES = 16 * 1024 * 1024
const MAX_PARTS = 10_000
/** Answers that name things: a page of a listing has 1,000 keys of 1,024 bytes at most. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024
/** Of one request; it sends or takes a part at most, or a file. */
const REQUEST_TIMEOUT_MS = 5 * 60_000
const RETRIES = 4
const FIRST_PAUSE_MS = 200

/** A bucket of S3, or of what speaks its protocol, with path-style addresses. Objects are named below the address's prefix. */
export class Bucket {
  readonly #root: string
  readonly #prefix: string
  readonly #client: AwsClient

  /** @throws GatepostError CONFIG_INVALID: there are no credentials */
  constructor(
    { bucket, prefix }: S3Address,
    { endpoint, region, accessKeyId, secretAccessKey, sessionToken }: S3Access,
  ) {
    if (accessKeyId === undefined || secretAccessKey === undefined) {
      throw new GatepostError(
        'CONFIG_INVALID',
        'a backup to S3 needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, where it is made',
      )
    }
    const service = (endpoint ?? `https://s3.${region}.amazonaws.com`).replace(/\/+$/, '')
    this.#root = `${service}/${bucket}`
    this.#prefix = prefix
    this.#client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
      region,
      service: 's3',
      retries: 0,
    })
  }

  async put(name: string, path: string): Promise<void> {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      const partBytes = Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS))
      if (size <= partBytes) await this.#done('PUT', this.#object(name), await slice(file, 0, size))
      else await this.#putParts(name, file, size, partBytes)
    } finally {
      await file.close()
    }
  }

  /** The object's bytes. @throws GatepostError INPUT_INVALID: there is none */
  async get(name: string): Promise<Readable> {
    const response = await this.#request('GET', this.#object(name))
    if (response === null) throw new GatepostError('INPUT_INVALID', `${this.#object(name)} is missing`)
    return response.body === null ? Readable.from([]) : Readable.fromWeb(response.body)
  }

  /** A small object's text. Null: there is none. */
  async text(name: string, maxBytes: number): Promise<string | null> {
    const response = await this.#request('GET', this.#object(name))
    return response === null ? null : bounded(response, maxBytes)
  }

  /** Names of all objects below a folder of the prefix. */
  async namesBelow(folder: string): Promise<string[]> {
    const keys = await this.#list(`${this.#prefix}${folder}/`, null, keysOf)
    return keys.map((key) => key.slice(this.#prefix.length))
  }

  /** Names of the folders in the prefix. */
  async folders(): Promise<string[]> {
    const found = await this.#list(this.#prefix, '/', prefixesOf)
    return found.map((prefix) => prefix.slice(this.#prefix.length, -1))
  }

  async remove(name: string): Promise<void> {
    await this.#done('DELETE', this.#object(name))
  }

  #object(name: string): string {
    return `${this.#root}/${(this.#prefix + name).split('/').map(encodeURIComponent).join('/')}`
  }

  async #list(prefix: string, delimiter: string | null, found: (xml: string) => string[]): Promise<string[]> {
    const all: string[] = []
    for (let page: string | null = ''; page !== null;) {
      const query = new URLSearchParams({ 'list-type': '2', prefix })
      if (delimiter !== null) query.set('delimiter', delimiter)
      if (page !== '') query.set('continuation-token', page)
      const xml = await this.#done('GET', `${this.#root}?${query.toString().replaceAll('+', '%20')}`)
      all.push(...found(xml))
      page = nextPageOf(xml)
    }
    return all
  }

  async #putParts(name: string, file: FileHandle, size: number, partBytes: number): Promise<void> {
    const object = this.#object(name)
    const id = encodeURIComponent(uploadIdOf(await this.#done('POST', `${object}?uploads`)))
    try {
      const tags: string[] = []
      for (let at = 0; at < size; at += partBytes) {
        const url = `${object}?partNumber=${tags.length + 1}&uploadId=${id}`
        const response = await this.#request('PUT', url, await slice(file, at, Math.min(partBytes, size - at)))
        tags.push(response?.headers.get('etag') ?? '')
      }
      const answer = await this.#done('POST', `${object}?uploadId=${id}`, Buffer.from(completion(tags)))
      // A service may notice only then that it cannot, after it has begun its answer with 200.
      if (answer.includes('<Error>')) throw new GatepostError('STORE_UNAVAILABLE', `${object}: ${answer.slice(0, 300)}`)
    } catch (error) {
      await this.#done('DELETE', `${object}?uploadId=${id}`).catch(() => undefined)
      throw error
    }
  }

  async #done(method: string, url: string, body?: Buffer): Promise<string> {
    const response = await this.#request(method, url, body)
    if (response === null)
      throw new GatepostError('INPUT_INVALID', `${method} ${url}: there is no such bucket or object`)
    return bounded(response, MAX_ANSWER_BYTES)
  }

  /** Null: 404. What may pass is tried again. @throws GatepostError STORE_UNAVAILABLE, CONFIG_INVALID: the service refuses it */
  async #request(method: string, url: string, body?: Buffer): Promise<Response | null> {
    // Over plain HTTP the body has to be signed too.
    const digest = createHash('sha256')
      .update(body ?? '')
      .digest('hex')
    const headers = { 'X-Amz-Content-Sha256': digest }
    return pRetry(
      async () => {
        const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
        const answer = await this.#client
          .fetch(url, { method, headers, signal, ...(body !== undefined && { body }) })
          .catch((error: unknown) => error as Error)
        if (answer instanceof Response && answer.ok) return answer
        if (answer instanceof Response && answer.status === 404) {
          await answer.body?.cancel()
          return null
        }
        throw await failureOf(answer, method, url)
      },
      {
        retries: RETRIES,
        minTimeout: FIRST_PAUSE_MS,
        randomize: true,
        shouldRetry: ({ error }) => error instanceof GatepostError && error.code === 'STORE_UNAVAILABLE',
      },
    )
  }
}

async function failureOf(answer: Response | Error, method: string, url: string): Promise<GatepostError> {
  if (answer instanceof Error) {
    const why = messageOf(answer.cause ?? answer)
    return new GatepostError('STORE_UNAVAILABLE', `${method} ${url}: no answer: ${why}`, answer)
  }
  const { status } = answer
  const passes = status >= 500 || status === 429 || status === 408
  const text = (await bounded(answer, MAX_ANSWER_BYTES).catch(messageOf)).replace(/\s+/g, ' ').slice(0, 300)
  return new GatepostError(passes ? 'STORE_UNAVAILABLE' : 'CONFIG_INVALID', `${method} ${url}: ${status} ${text}`)
}

async function bounded(response: Response, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  if (response.body === null) return ''
  for await (const chunk of Readable.fromWeb(response.body) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new GatepostError('STORE_UNAVAILABLE', `${response.url}: more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

async function slice(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, at)
  if (bytesRead !== length) throw new Error(`a file has become shorter than ${at + length} bytes`)
  return buffer
}
