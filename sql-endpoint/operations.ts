import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatepostError, messageOf, type ErrorCode } from '../common/errors.ts'
import { asSqlError, SqlError, statusOf } from './errors.ts'
import type { Login } from './login.ts'
import type { Operations } from './options.ts'

export const OPERATIONS_PATH = '/operator/'
const MAX_BODY_BYTES = 64 * 1024

/** What an operation answers that failed. */
export interface OperationError {
  readonly error: string
  readonly code: ErrorCode | null
}

/** Answers a request for an operation, which only `operator` may send. Never rejects. */
export async function answerOperation(
  operations: Operations,
  login: Login,
  req: IncomingMessage,
  res: ServerResponse,
  url: URL,
  dataPath: string,
): Promise<void> {
  const answer = (status: number, body: object) => {
    if (res.destroyed) return
    const close = status === 200 ? {} : { Connection: 'close' }
    res.writeHead(status, { 'Content-Type': 'application/json', ...close }).end(JSON.stringify(body) + '\n')
  }
  try {
    const { role, user } = await login.admit(req, url.searchParams)
    if (role !== 'operator') throw new SqlError('ACCESS_DENIED', `${user}: this path is for commands of this machine`)
    const body = await jsonOf(req)
    const found = await operations(req.method ?? '', url.pathname.slice(OPERATIONS_PATH.length), body)
    if (found === null) answer(404, { error: `there is no operation ${req.method} ${url.pathname}`, code: null })
    else answer(200, found)
  } catch (error) {
    if (error instanceof GatepostError) answer(409, { error: error.message, code: error.code })
    else {
      const failure = asSqlError(error, dataPath)
      answer(statusOf(failure), { error: messageOf(failure), code: null })
    }
  }
}

/** Null: the request has no body. @throws SqlError */
async function jsonOf(req: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES)
      throw new SqlError('QUERY_IS_TOO_LARGE', `The body is larger than ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  if (bytes === 0) return null
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (error) {
    throw new SqlError('BAD_ARGUMENTS', 'The body is not JSON', error)
  }
}
