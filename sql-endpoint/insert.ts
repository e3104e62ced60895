import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { SqlError } from './errors.ts'
import { allowsInputFormat } from './wire/formats.ts'
import type { FrameCoding } from './wire/frames.ts'
import { applyEdits, isName, isWord, literal, nameOf, type Token } from './guard/tokens.ts'

/** The coding that the engine has to decode, named as in Content-Encoding. */
export type Compression = 'none' | FrameCoding

/** The data of an INSERT to be spooled. */
export interface InsertData {
  readonly bytes: AsyncIterable<Buffer>
  readonly compression: Compression
}

/**
 * An INSERT's data goes through a temporary file: as part of a statement's text it could end the statement and begin another, and binary
 * formats would be corrupted. The directory belongs to the process. The file is written before the statement gets a connection, so that a
 * slow sender blocks nobody.
 */
export interface DataFile {
  readonly path: string
  readonly compression: Compression
  remove(): Promise<void>
}

/** @param signal ends it, and removes the file, even if the bytes do not end */
export async function spool({ bytes, compression }: InsertData, signal?: AbortSignal): Promise<DataFile> {
  const directory = await mkdtemp(join(tmpdir(), 'gatepost-insert-'))
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true })
  const path = join(directory, 'data')
  try {
    await pipeline(bytes, createWriteStream(path, { mode: 0o600 }), { ...(signal && { signal }) })
  } catch (error) {
    await remove()
    throw error
  }
  return { path, compression, remove }
}

/** Changes `INSERT INTO t ... FORMAT x`, which the guard has passed, to read from the file. @throws SqlError */
export function insertFromFile(normalised: string, tokens: readonly Token[], file: DataFile): string {
  const last = tokens.at(-1)
  const word = tokens.at(-2)
  if (!isName(last) || word === undefined || !isWord(word, 'FORMAT')) {
    throw new SqlError('SYNTAX_ERROR', 'An INSERT with data ends with FORMAT and a format')
  }
  const format = nameOf(last)
  if (!allowsInputFormat(format))
    throw new SqlError('UNKNOWN_FORMAT', `Format ${format} is not available for input here`)
  const input = tokens.findIndex((token) => isName(token) && nameOf(token) === 'input')
  if (input !== -1) return selectFromFile(normalised, tokens.slice(input, input + 4), word, file, format)
  const settings = tokens.findIndex((token) => isWord(token, 'SETTINGS'))
  // FROM INFILE comes before SETTINGS.
  const at = (settings === -1 ? word : tokens[settings])?.begin ?? word.begin
  return applyEdits(normalised, [
    { begin: at, end: at, text: `FROM INFILE ${literal(file.path)} COMPRESSION '${file.compression}' ` },
  ])
}

/** The same for `INSERT ... SELECT ... FROM input('structure') ... FORMAT x`, given the call's tokens and the word FORMAT. */
function selectFromFile(
  normalised: string,
  call: readonly Token[],
  formatWord: Token,
  { path, compression }: DataFile,
  format: string,
): string {
  const [name, open, structure, close] = call
  if (
    open.kind !== 'OpeningRoundBracket' ||
    structure.kind !== 'StringLiteral' ||
    close.kind !== 'ClosingRoundBracket'
  ) {
    throw new SqlError('SYNTAX_ERROR', 'input() takes the structure as one text')
  }
  const source = `file(${literal(path)}, '${format}', ${structure.text}, '${compression}')`
  return applyEdits(normalised, [
    { begin: name.begin, end: close.end, text: source },
    { begin: formatWord.begin, end: Buffer.byteLength(normalised), text: '' },
  ])
}
