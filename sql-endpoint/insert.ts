import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { SqlError } from './errors.ts'
import { allowsInputFormat } from './wire/formats.ts'
import type { FrameCoding } from './wire/frames.ts'
import { applyEdits, isName, isWord, literal, nameOf, type Token } from './guard/tokens.ts'

/** How the engine has to read the data; its names are those of Content-Encoding. */
export type Compression = 'none' | FrameCoding

/** The data of an INSERT as it is spooled. */
export interface InsertData {
  readonly bytes: AsyncIterable<Buffer>
  readonly compression: Compression
}

/**
 * An INSERT's data goes through a temporary file: in the text of a statement it could end the statement and begin
 * another, and binary formats would not survive as text. The directory is the process's own. It is written before the
 * statement gets its place, so that a slow sender holds up nobody.
 */
export interface DataFile {
  readonly path: string
  readonly compression: Compression
  remove(): Promise<void>
}

export async function spool({ bytes, compression }: InsertData): Promise<DataFile> {
  const directory = await mkdtemp(join(tmpdir(), 'gatepost-insert-'))
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true })
  const path = join(directory, 'data')
  try {
    await pipeline(bytes, createWriteStream(path, { mode: 0o600 }))
  } catch (error) {
    await remove()
    throw error
  }
  return { path, compression, remove }
}

/** `INSERT INTO t ... FORMAT x` as the guard passed it, made to read from the file. @throws SqlError */
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
  // FROM INFILE stands before SETTINGS.
  const at = (settings === -1 ? word : tokens[settings])?.begin ?? word.begin
  return applyEdits(normalised, [
    { begin: at, end: at, text: `FROM INFILE ${literal(file.path)} COMPRESSION '${file.compression}' ` },
  ])
}

/** `INSERT ... SELECT ... FROM input('structure') ... FORMAT x`, the call's tokens and the word FORMAT given. */
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
