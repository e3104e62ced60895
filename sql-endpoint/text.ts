import type { IncomingMessage } from 'node:http'
import { SqlError } from './errors.ts'
import { bodyOf, encodedBodyOf, frameCodingOf } from './body.ts'
import { Chunks } from './wire/chunks.ts'
import { wholeFrames } from './wire/frames.ts'
import type { InsertData } from './insert.ts'
import type { SqlLimits } from './options.ts'

/** The query of a request, and the data of an INSERT that follows it. */
export interface QueryText {
  readonly sql: string
  /** Null: the statement has no data. Limited to maxInsertBytes as sent; may fail like the request's body. */
  readonly data: InsertData | null
}

/**
 * Joins parameter `query` and the body into one text, like ClickHouse. Where an INSERT's data begins is only guessed from the text; data
 * never becomes part of a text that is executed, so a wrong guess is harmless.
 * @param req null: its body was something else
 * @throws SqlError QUERY_IS_TOO_LARGE, SYNTAX_ERROR (nothing was sent)
 */
export async function readQueryText(
  req: IncomingMessage | null,
  params: URLSearchParams,
  limits: SqlLimits,
): Promise<QueryText> {
  const given = params.getAll('query').join('')
  const body = req !== null && (req.method === 'POST' || req.method === 'PUT') ? req : null
  const maxBytes = limits.maxInsertBytes + limits.maxQueryBytes
  const start = Buffer.from(given === '' ? '' : `${given}\n`)
  const coding = body === null ? null : frameCodingOf(body, params)
  if (body !== null && coding !== null) {
    const parts = insertParts(start, limits)
    // The data is exactly the body, so the engine can read it as it was sent.
    if (parts !== null && /^[\s;]*$/.test(parts.rest.toString('latin1'))) {
      const bytes = wholeFrames(encodedBodyOf(body, maxBytes), coding, limits.maxInsertBytes)
      return { sql: parts.sql, data: { bytes, compression: coding } }
    }
  }
  const bytes = body === null ? noBytes() : bodyOf(body, params, maxBytes)
  const held = new Chunks(start)
  for (let isLast = false, lookedAt = -1; !isLast;) {
    // Looked at again when there is twice as much: a body may come byte by byte.
    const isTooLong = held.length > limits.maxQueryBytes
    if (isTooLong || held.length > 2 * lookedAt) {
      const parts = insertParts(held.whole(), limits)
      if (parts !== null) return insertText(parts, bytes)
      lookedAt = held.length
    }
    if (isTooLong) {
      throw new SqlError('QUERY_IS_TOO_LARGE', `The query is longer than ${limits.maxQueryBytes} bytes`)
    }
    const next = await bytes.next()
    if (next.done === true) isLast = true
    else held.add(next.value)
  }
  const parts = insertParts(held.whole(), limits)
  if (parts !== null) return insertText(parts, bytes)
  const sql = held.whole().toString('utf8')
  if (sql.trim() === '') throw new SqlError('SYNTAX_ERROR', 'Syntax error: Empty query')
  if (sql.includes('\0')) throw new SqlError('SYNTAX_ERROR', 'Syntax error: NUL byte in the query')
  return { sql, data: null }
}

function insertText({ sql, rest }: { sql: string; rest: Buffer }, body: AsyncGenerator<Buffer>): QueryText {
  return { sql, data: { bytes: dataAfter(rest, body, /\bVALUES\s*$/i.test(sql)), compression: 'none' } }
}

/** Splits a text after the statement of an INSERT. */
function insertParts(held: Buffer, limits: SqlLimits): { sql: string; rest: Buffer } | null {
  const headEnd = endOfInsertHead(held.toString('latin1', 0, limits.maxQueryBytes))
  // If the parameter holds the complete statement, all of the body is data.
  return headEnd === null ? null : { sql: held.toString('utf8', 0, headEnd), rest: held.subarray(headEnd) }
}

async function* noBytes(): AsyncGenerator<Buffer> {}

/** White space between FORMAT x and the end of the line is not data. */
async function* dataAfter(rest: Buffer, body: AsyncGenerator<Buffer>, isValues: boolean): AsyncGenerator<Buffer> {
  let head = rest
  if (!isValues) {
    for (;;) {
      const match = /^[ \t\r]*;?[ \t\r]*/.exec(head.toString('latin1', 0, 1024))?.[0].length ?? 0
      if (match < head.length) {
        head = head.subarray(head[match] === 0x0a ? match + 1 : match)
        break
      }
      const next = await body.next()
      if (next.done === true) return
      head = next.value
    }
  }
  if (head.length > 0) yield head
  yield* body
}

/**
 * Words, quoted texts, comments and parentheses: enough of the language to find where an INSERT's data begins. What is not closed lasts until
 * the end: otherwise each of many beginnings would be followed to the end in vain.
 */
const PIECE =
  /\s+|--[^\n]*(?:\n|$)|#[ !][^\n]*(?:\n|$)|\/\*[^]*?(?:\*\/|$)|'(?:[^'\\]|\\[^]|'')*(?:'|\\?$)|`(?:[^`\\]|\\[^]|``)*(?:`|\\?$)|"(?:[^"\\]|\\[^]|"")*(?:"|\\?$)|[A-Za-z_]\w*|[^]/y

/** The first word of a statement in upper case; empty if there is none. */
export function firstWord(text: string): string {
  PIECE.lastIndex = 0
  for (let match = PIECE.exec(text); match !== null; match = PIECE.exec(text)) {
    if (/^(?:\s|--|#[ !]|\/\*|\()/.test(match[0])) continue
    return /^[A-Za-z_]/.test(match[0]) ? match[0].toUpperCase() : ''
  }
  return ''
}

/** The offset after `FORMAT name` or `VALUES` of an INSERT; null: not an INSERT, or its SELECT reads no data, or it is incomplete. */
export function endOfInsertHead(text: string): number | null {
  PIECE.lastIndex = 0
  let depth = 0
  let previous = ''
  let isInsert = false
  let readsInput: boolean | null = null
  for (let match = PIECE.exec(text); match !== null; match = PIECE.exec(text)) {
    const piece = match[0]
    if (/^(?:\s|--|#[ !]|\/\*)/.test(piece)) continue
    const word = piece.toUpperCase()
    if (!isInsert) {
      if (word !== 'INSERT') return null
      isInsert = true
    } else if (piece === '(') depth++
    else if (piece === ')') depth--
    else if (depth === 0) {
      if (previous === 'FORMAT' && /^\w/.test(piece))
        return word === 'VALUES' || PIECE.lastIndex < text.length || text.endsWith('\n') ? PIECE.lastIndex : null
      if (word === 'VALUES' && previous !== 'FORMAT' && previous !== 'INTO' && previous !== 'TABLE')
        return PIECE.lastIndex
      // The data of a SELECT follows it, if it reads any.
      if ((word === 'SELECT' || word === 'WITH') && !(readsInput ??= /\binput\s*\(/.test(text))) return null
    }
    previous = word
  }
  return null
}
