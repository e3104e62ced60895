import type { ConnectionLimits } from '../../common/connection-gate.ts'
import { openFilesLimit } from '../../common/open-files.ts'

/** Descriptors that a worker keeps for segments, the access log, its connections to other servers and the like. */
const RESERVED_FILES = 256

/** More connections than this need a limit that is set by the operator: each takes some 10 KB of memory. */
const MOST_BY_DEFAULT = 20_000

/** Below this many open files a worker warns at its start. */
export const FEW_OPEN_FILES = 4096

/** Limits of the listeners of one worker, as configured. */
export interface ListenerLimits {
  /** Connections of each listener; null: derived from the limit of open files. */
  readonly maxConnections: number | null
  /** Connections of one address to each listener. */
  readonly maxConnectionsPerAddress: number
  /** Bytes of unfinished bodies of both listeners. */
  readonly maxBodyBytes: number
}

export const DEFAULT_LIMITS: ListenerLimits = {
  maxConnections: null,
  maxConnectionsPerAddress: 1000,
  maxBodyBytes: 64 * 2 ** 20,
}

/** The limits of each of two listeners that share the open files of a process. One address gets at most a quarter of the connections. */
export function connectionLimits(
  { maxConnections, maxConnectionsPerAddress }: ListenerLimits,
  openFiles = openFilesLimit(),
): ConnectionLimits {
  const forConnections = Math.max(openFiles - RESERVED_FILES, Math.floor(openFiles / 2))
  const derived = Math.min(MOST_BY_DEFAULT, Math.floor(forConnections / 2))
  const total = maxConnections ?? derived
  return { total, perAddress: Math.max(1, Math.min(maxConnectionsPerAddress, Math.floor(total / 4))) }
}

/** A warning for the start; null: there are enough open files for these connections. */
export function openFilesWarning({ total }: ConnectionLimits, openFiles = openFilesLimit()): string | null {
  const needed = 2 * total + RESERVED_FILES
  if (openFiles >= FEW_OPEN_FILES && openFiles >= needed) return null
  return (
    `ingest: this process may open ${openFiles} files; each listener takes ${total} connections. ` +
    `Raise the limit to ${Math.max(needed, FEW_OPEN_FILES)} or more (ulimit -n, LimitNOFILE of systemd)`
  )
}
