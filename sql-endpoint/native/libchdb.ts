import { DataType, define, open } from 'ffi-rs'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/*
 * The engine's C API (chdb.h). The Node binding keeps what a statement has read to itself, and starts a stream on the event loop's thread, where
 * the engine then computes constants and scalar subqueries. The library is the one that the binding has loaded, so connections of both have one engine.
 */

const LIBRARY = 'chdb'
const { External, I32, StringArray, String: Text, U64, U8Array, Void } = DataType

open({ library: LIBRARY, path: libraryFile() })

/** What takes as long as the engine wants runs on a thread of libuv's pool. */
const elsewhere = { library: LIBRARY, runInNewThread: true } as const
const here = { library: LIBRARY } as const

/** Arguments are given as one list. Texts are bytes with their length, since they may hold zeros. */
export const libchdb = define({
  /** (argc, argv): a pointer to a connection; null if there is none. */
  chdb_connect: { ...here, retType: External, paramsType: [I32, StringArray] },
  chdb_close_conn: { ...here, retType: Void, paramsType: [External] },
  /** (connection, query, its bytes, format, its bytes): a result. */
  chdb_query_n: { ...elsewhere, retType: External, paramsType: [External, U8Array, U64, U8Array, U64] },
  /** The same: a stream, as a result. */
  chdb_stream_query_n: { ...elsewhere, retType: External, paramsType: [External, U8Array, U64, U8Array, U64] },
  /** (connection, stream): the next result; the last has no rows. */
  chdb_stream_fetch_result: { ...elsewhere, retType: External, paramsType: [External, External] },
  chdb_stream_cancel_query: { ...elsewhere, retType: Void, paramsType: [External, External] },
  chdb_destroy_query_result: { ...here, retType: Void, paramsType: [External] },
  chdb_result_buffer: { ...here, retType: External, paramsType: [External] },
  chdb_result_length: { ...here, retType: U64, paramsType: [External] },
  /** Of the result. */
  chdb_result_rows_read: { ...here, retType: U64, paramsType: [External] },
  chdb_result_bytes_read: { ...here, retType: U64, paramsType: [External] },
  /** Of tables; of a stream's result, since the one before. */
  chdb_result_storage_rows_read: { ...here, retType: U64, paramsType: [External] },
  chdb_result_storage_bytes_read: { ...here, retType: U64, paramsType: [External] },
})

/** The message of a result that is an error. PRECONDITION: it is one; see errorPointer. */
export const errorText = define({ chdb_result_error: { ...here, retType: Text, paramsType: [External] } })
/** Null if the result is none. */
export const errorPointer = define({ chdb_result_error: { ...here, retType: External, paramsType: [External] } })

/** @throws Error: this platform's package of chdb is not installed */
function libraryFile(): string {
  const requireOfChdb = createRequire(createRequire(import.meta.url).resolve('chdb'))
  const libc = process.platform === 'linux' ? '-gnu' : ''
  const name = `@chdb/lib-${process.platform}-${process.arch}${libc}`
  const folder = dirname(requireOfChdb.resolve(`${name}/package.json`))
  const file = ['libchdb.so', 'libchdb.dylib'].map((library) => join(folder, library)).find((path) => existsSync(path))
  if (file === undefined) throw new Error(`${name} holds no libchdb`)
  return file
}
