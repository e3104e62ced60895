import { open } from 'node:fs/promises'
import { GatepostError, messageOf } from '../../common/errors.ts'

/** Two million rows are about 100 MB; a larger file is the wrong one. */
export const MAX_FILE_BYTES = 256 * 2 ** 20
/** Limit for the whole download, so that a slow server cannot block the command. */
export const DOWNLOAD_TIMEOUT_MS = 120_000

/**
 * The whole text of a file or of an http(s) URL.
 * @throws GatepostError INPUT_INVALID: it does not exist, is too large or not UTF-8; Error: the download failed
 */
export async function readSource(
  source: string,
  maxBytes = MAX_FILE_BYTES,
  timeoutMs = DOWNLOAD_TIMEOUT_MS,
): Promise<string> {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(source)?.[1].toLowerCase()
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    throw new GatepostError('INPUT_INVALID', `${source}: ${scheme}:// is not supported; give a file, or an http(s) URL`)
  }
  const bytes = /^https?:\/\//i.test(source)
    ? await download(source, maxBytes, timeoutMs)
    : await readFileBounded(source, maxBytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new GatepostError('INPUT_INVALID', `${source} is not UTF-8 text`, error)
  }
}

async function readFileBounded(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const file = await open(path, 'r')
    try {
      return await collect(file.createReadStream({ autoClose: false }), maxBytes, path)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof GatepostError) throw error
    throw new GatepostError('INPUT_INVALID', `cannot read ${path}: ${messageOf(error)}`, error)
  }
}

async function download(url: string, maxBytes: number, timeoutMs: number): Promise<Buffer> {
  if (!URL.canParse(url)) throw new GatepostError('INPUT_INVALID', 'the address is not a URL')
  const { address, headers } = request(url)
  let response: Response
  try {
    response = await fetch(address, { signal: AbortSignal.timeout(timeoutMs), headers })
  } catch (error) {
    throw downloadFailed(address, error)
  }
  if (!response.ok) throw refusedBy(address, response)
  try {
    // A broken connection makes reading the body fail, so a partial file is never taken for a whole one.
    return await collect(response.body ?? [], maxBytes, address)
  } catch (error) {
    throw error instanceof GatepostError ? error : downloadFailed(address, error)
  }
}

/** fetch refuses URLs with credentials, and its error message would show them. */
function request(url: string): { address: string; headers: Record<string, string> } {
  const target = new URL(url)
  const headers: Record<string, string> = { accept: 'application/json, text/csv;q=0.9, */*;q=0.1' }
  if (target.username !== '' || target.password !== '') {
    const credentials = `${decodeURIComponent(target.username)}:${decodeURIComponent(target.password)}`
    headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`
    target.username = ''
    target.password = ''
  }
  return { address: target.href, headers }
}

/** A 4xx status is permanent; any other may be temporary. */
function refusedBy(address: string, { status, statusText }: Response): Error {
  const message = `${address} answers ${status} ${statusText}`.trim()
  return status >= 400 && status < 500 && status !== 429
    ? new GatepostError('INPUT_INVALID', message)
    : new Error(message)
}

function downloadFailed(address: string, error: unknown): Error {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return new Error(`cannot download ${address}: ${messageOf(error)}${cause}`, { cause: error })
}

async function collect(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
  source: string,
): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new GatepostError('INPUT_INVALID', `${source} is larger than ${maxBytes} bytes`)
    parts.push(chunk)
  }
  return Buffer.concat(parts)
}
