import type { ServerResponse } from 'node:http'
import { exceptionText, SQL_CODES, statusOf, TooManyGuesses, type SqlError } from './errors.ts'
import type { Output } from './output.ts'

/** Answers with an error, or ends an answer with one that has begun. */
export async function sendFailure(
  res: ServerResponse,
  output: Output | null,
  error: SqlError,
  version: string,
): Promise<void> {
  const text = exceptionText(error, version)
  if (output?.started === true && res.headersSent) {
    await output.fail(text)
    return
  }
  for (const name of ['Content-Encoding', 'X-ClickHouse-Exception-Tag', 'X-ClickHouse-Format']) res.removeHeader(name)
  res.setHeader('Content-Type', 'text/plain; charset=UTF-8')
  res.setHeader('X-ClickHouse-Exception-Code', String(error.code))
  if (error.code === SQL_CODES.REQUIRED_PASSWORD) res.setHeader('WWW-Authenticate', 'Basic realm="Gatepost SQL"')
  if (error instanceof TooManyGuesses) res.setHeader('Retry-After', String(Math.ceil(error.waitMs / 1000)))
  if (error.code === SQL_CODES.TOO_MANY_SIMULTANEOUS_QUERIES) res.setHeader('Retry-After', '1')
  res.writeHead(statusOf(error))
  res.end(text)
}
