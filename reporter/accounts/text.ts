import { open } from 'node:fs/promises'
import { GatepostError, messageOf } from '../../common/errors.ts'

/** Progress of reading; `all` is null if the size is unknown (standard input). */
export interface ReadProgress {
  bytes: number
  all: number | null
}

/** Longest line or record; an account takes a few hundred characters. */
export const MAX_RECORD_CHARACTERS = 1024 * 1024

/**
 * Reads the text of a file, or of standard input for `-`, in pieces.
 * @throws GatepostError INPUT_INVALID: it does not exist, or is not UTF-8
 */
export async function* textOf(source: string, progress: ReadProgress): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const decode = (chunk?: Buffer) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined })
    } catch (error) {
      const where = `${source}, after ${progress.bytes} bytes`
      throw new GatepostError('INPUT_INVALID', `${where}: not UTF-8 text`, error)
    }
  }
  for await (const chunk of chunksOf(source, progress)) {
    const text = decode(chunk)
    progress.bytes += chunk.length
    if (text !== '') yield text
  }
  yield decode()
}

async function* chunksOf(source: string, progress: ReadProgress): AsyncGenerator<Buffer> {
  if (source === '-') {
    yield* process.stdin as AsyncIterable<Buffer>
    return
  }
  try {
    const file = await open(source, 'r')
    try {
      progress.all = (await file.stat()).size
      yield* file.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) {
      throw new GatepostError('INPUT_INVALID', `cannot read ${source}: ${messageOf(error)}`, error)
    }
    throw error
  }
}

/** Splits into lines without line breaks. @throws GatepostError INPUT_INVALID: a line exceeds the limit */
export async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  let line = 1
  for await (const piece of pieces) {
    const parts = (rest + piece).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      yield part
      line++
    }
    if (rest.length > MAX_RECORD_CHARACTERS) {
      throw new GatepostError('INPUT_INVALID', `line ${line}: longer than ${MAX_RECORD_CHARACTERS} characters`)
    }
  }
  if (rest !== '') yield rest
}
