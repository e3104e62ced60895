import type { Joining } from './formats.ts'
import { toRevision } from './native.ts'

/** Makes one document of chunks that each are one: see formats.ts. */
export class Joiner {
  readonly #joining: Joining
  readonly #revision: number
  #isFirst = true

  constructor(joining: Joining, nativeRevision: number) {
    this.#joining = joining
    this.#revision = nativeRevision
  }

  next(chunk: Buffer): Buffer {
    const joining = this.#joining
    if (joining.kind === 'native') return toRevision(chunk, this.#revision)
    if (this.#isFirst) {
      this.#isFirst = false
      return chunk
    }
    switch (joining.kind) {
      case 'lines':
        return chunk.subarray(afterLines(chunk, joining.headers))
      case 'csv':
        return chunk.subarray(afterCsvRecords(chunk, joining.headers))
      case 'binary':
        return chunk.subarray(afterBinaryNames(chunk, joining.headers))
      case 'rows':
      case 'whole':
        return chunk
    }
  }
}

/** These formats escape line feeds within values. */
function afterLines(chunk: Buffer, lines: number): number {
  let at = 0
  for (let i = 0; i < lines; i++) at = chunk.indexOf(0x0a, at) + 1
  return at
}

/** A quoted name may hold line feeds; its quotes are doubled, so they come in pairs. */
function afterCsvRecords(chunk: Buffer, records: number): number {
  let quoted = false
  let left = records
  for (let at = 0; at < chunk.length; at++) {
    const byte = chunk[at]
    if (byte === 0x22) quoted = !quoted
    else if (byte === 0x0a && !quoted && --left === 0) return at + 1
  }
  return chunk.length
}

/** varint number of columns, their names, and with 2 headers their types, each a varint length and bytes. */
function afterBinaryNames(chunk: Buffer, headers: number): number {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = chunk.readUInt8(at++)
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }
  const strings = varint() * headers
  for (let i = 0; i < strings; i++) {
    const length = varint()
    at += length
  }
  return at
}
