import { timingSafeEqual } from 'node:crypto'
import { isLoopback } from '../../common/ip-address.ts'

/** `<key> <ms since the epoch>` */
export const RECEIVED_AT_HEADER = 'x-gatepost-received-at'

/**
 * Lets the sender of a demo set the receive time of its requests. Only `gatepost demo` creates one: the key is generated at its start, known
 * to the supervisor and its workers only, and accepted from loopback only.
 */
export class ReceivedAt {
  readonly #key: Buffer

  constructor(key: string) {
    this.#key = Buffer.from(key)
  }

  /**
   * The clock to handle a request with.
   * @param header the value of RECEIVED_AT_HEADER; empty: not sent
   * @param peer the address at the other end of the connection, regardless of proxies
   */
  clock(header: string, peer: string): () => number {
    const [key, time] = header.split(' ')
    const at = Number(time)
    if (!Number.isSafeInteger(at) || at < 0 || at > Date.now()) return Date.now
    return this.#isKey(key) && isLoopback(peer) ? () => at : Date.now
  }

  #isKey(text: string): boolean {
    const sent = Buffer.from(text)
    return sent.length === this.#key.length && timingSafeEqual(sent, this.#key)
  }
}
