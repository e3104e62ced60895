import { readFile } from 'node:fs/promises'
import { addressGroup } from '../../common/ip-address.ts'
import { addressText } from './client-address.ts'

const ESTABLISHED = '01'
const SCAN_MS = 1000

/**
 * How many connections each address has to a port. uWebSockets does not say whose connection ended, so the kernel is asked (Linux; elsewhere
 * nothing is known and every count is 0). One scan reads all TCP connections of the machine: only a listener that is a quarter full asks.
 */
export class PortPeers {
  readonly #port: number
  #counts = new Map<string, number>()
  #scannedAt = -Infinity
  #scanning = false
  #unknown = process.platform !== 'linux'

  constructor(port: number) {
    this.#port = port
  }

  /** Connections of this address when they were last counted, and those that asked since; this one is counted for the next. */
  add(address: string): number {
    if (!this.#scanning && performance.now() - this.#scannedAt > SCAN_MS) void this.scan()
    if (this.#unknown) return 0
    const group = addressGroup(address)
    const count = this.#counts.get(group) ?? 0
    this.#counts.set(group, count + 1)
    return count
  }

  async scan(): Promise<void> {
    this.#scanning = true
    try {
      const tables = await Promise.all(
        ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'latin1').catch(() => '')),
      )
      this.#unknown = tables.every((table) => table === '')
      this.#counts = new Map()
      for (const table of tables) countPeers(table, this.#port, this.#counts)
    } finally {
      this.#scanning = false
      this.#scannedAt = performance.now()
    }
  }
}

/** Adds the established connections to a local port, as in /proc/net/tcp (proc(5)), by address group. */
export function countPeers(table: string, port: number, counts: Map<string, number>): void {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  for (const line of table.split('\n')) {
    const [, here, there, state] = line.trim().split(/\s+/, 4)
    if (state !== ESTABLISHED || !here.endsWith(local)) continue
    const group = addressGroup(addressText(bytesOf(there.split(':')[0])))
    counts.set(group, (counts.get(group) ?? 0) + 1)
  }
}

/** An address is written as 32-bit words in the machine's order, which is little-endian on everything that we run on. */
function bytesOf(hex: string): ArrayBuffer {
  const bytes = Buffer.from(hex, 'hex')
  return new Uint8Array(bytes.swap32()).buffer
}
