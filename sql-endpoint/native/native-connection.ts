import { createExternalBuffer, DataType, isNullPointer, restorePointer, type JsExternal } from 'ffi-rs'
import { tooLarge } from '../errors.ts'
import { errorPointer, errorText, libchdb } from './libchdb.ts'

export interface NativeResult {
  readonly bytes: Buffer
  /** Of the result. */
  readonly rows: number
  readonly rowBytes: number
  /** Of the tables that were read; of a stream's result, since the one before. */
  readonly readRows: number
  readonly readBytes: number
}

/** The engine aborts if it is unloaded with a connection open. */
const OPEN = new Set<NativeConnection>()
process.on('exit', () => {
  for (const connection of OPEN) connection.close()
})

/** A connection to the engine that this process has opened: it runs one statement at a time. */
export class NativeConnection {
  readonly #handle: JsExternal
  readonly #connection: JsExternal
  /** What runs. Each holds what the engine reads on its thread. */
  readonly #running = new Set<readonly Buffer[]>()
  #isClosed = false

  /** @throws Error: the engine refuses */
  constructor(dataPath: string) {
    const args = ['clickhouse', `--path=${dataPath}`]
    this.#handle = libchdb.chdb_connect([args.length, args])
    if (isNullPointer(this.#handle)) throw new Error(`the engine opens no connection to ${dataPath}`)
    this.#connection = valueAt(this.#handle)
    OPEN.add(this)
  }

  /**
   * @param mostBytes a longer result is not copied
   * @throws Error with the engine's message; SqlError TOO_MANY_ROWS_OR_BYTES
   */
  query(sql: string, format: string, mostBytes: number): Promise<NativeResult> {
    return this.#ask(sql, format, (result) => copyOf(result, mostBytes))
  }

  /** Runs statements whose results are of no interest. @throws Error with the engine's message */
  execute(sql: string): Promise<void> {
    return this.#ask(sql, 'Null', () => undefined)
  }

  /**
   * Of results that each have rows. Leaving the loop over it cancels the query.
   * @throws Error with the engine's message
   */
  async *stream(sql: string, format: string): AsyncGenerator<NativeResult> {
    const sent = this.#begin(sql, format)
    try {
      const stream = await libchdb.chdb_stream_query_n([this.#connection, ...withLength(sent)])
      let wasLeft = false
      try {
        requireNoError(stream)
        for (;;) {
          const result = freed(await libchdb.chdb_stream_fetch_result([this.#connection, stream]), copyOf)
          if (result.rows === 0 && result.bytes.length === 0) return
          wasLeft = true
          yield result
          wasLeft = false
        }
      } finally {
        if (wasLeft) await libchdb.chdb_stream_cancel_query([this.#connection, stream])
        libchdb.chdb_destroy_query_result([stream])
      }
    } finally {
      this.#end(sent)
    }
  }

  /** Once nothing runs on it. */
  close(): void {
    this.#isClosed = true
    if (this.#running.size > 0 || !OPEN.delete(this)) return
    libchdb.chdb_close_conn([this.#handle])
  }

  async #ask<T>(sql: string, format: string, use: (result: JsExternal) => T): Promise<T> {
    const sent = this.#begin(sql, format)
    try {
      return freed(await libchdb.chdb_query_n([this.#connection, ...withLength(sent)]), use)
    } finally {
      this.#end(sent)
    }
  }

  #begin(sql: string, format: string): readonly Buffer[] {
    if (this.#isClosed) throw new Error('the connection to the engine is closed')
    const sent = [Buffer.from(sql), Buffer.from(format)]
    this.#running.add(sent)
    return sent
  }

  #end(sent: readonly Buffer[]): void {
    this.#running.delete(sent)
    if (this.#isClosed) this.close()
  }
}

function withLength(texts: readonly Buffer[]): (Buffer | number)[] {
  return texts.flatMap((text) => [text, text.length])
}

function valueAt(pointer: JsExternal): JsExternal {
  const [value] = restorePointer<DataType.External>({ retType: [DataType.External], paramsValue: [pointer] })
  if (value === undefined) throw new Error('the pointer has no value')
  return value
}

/** What is made of a result, which is freed then. @throws Error: the result is one */
function freed<T>(result: JsExternal, use: (result: JsExternal) => T): T {
  try {
    requireNoError(result)
    return use(result)
  } finally {
    libchdb.chdb_destroy_query_result([result])
  }
}

function copyOf(result: JsExternal, mostBytes = Infinity): NativeResult {
  const length = libchdb.chdb_result_length([result])
  if (length > mostBytes) throw tooLarge(mostBytes)
  const bytes =
    length === 0 ? Buffer.alloc(0) : Buffer.from(createExternalBuffer(libchdb.chdb_result_buffer([result]), length))
  return {
    bytes,
    rows: libchdb.chdb_result_rows_read([result]),
    rowBytes: libchdb.chdb_result_bytes_read([result]),
    readRows: libchdb.chdb_result_storage_rows_read([result]),
    readBytes: libchdb.chdb_result_storage_bytes_read([result]),
  }
}

function requireNoError(result: JsExternal): void {
  if (isNullPointer(errorPointer.chdb_result_error([result]))) return
  throw new Error(errorText.chdb_result_error([result]))
}
