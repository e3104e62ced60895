import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pRetry from 'p-retry'
import { disconnectRequest, readAnswer, type Answer, type Attributes } from './packet.ts'

/** Where a NAS takes Disconnect-Requests. */
export interface Listener {
  readonly address: string
  readonly port: number
  readonly secret: string
}

export interface Reply {
  /** Null: none came in time. */
  readonly answer: Answer | null
  /** How often the packet was sent. */
  readonly packets: number
}

/** How long an answer is waited for after each sending (RFC 5080, section 2.2.1): 15 s in all. */
export const WAITS_MS: readonly number[] = [1000, 2000, 4000, 8000]

/**
 * Asks a NAS to end a session. The same packet is sent again until it is answered. What does not prove that it has the secret is no answer.
 * @throws Error: the packet cannot be sent from this machine, or `signal` was aborted
 */
export async function requestDisconnect(
  { address, port, secret }: Listener,
  attributes: Attributes,
  signal: AbortSignal,
  waitsMs: readonly number[] = WAITS_MS,
): Promise<Reply> {
  const packet = disconnectRequest(attributes, secret, randomInt(256), Date.now())
  // A socket of its own: two requests with the same identifier do not meet.
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  let packets = 0
  try {
    socket.connect(port, address)
    await once(socket, 'connect', { signal })
    // A port that is closed now may be open at the next attempt.
    socket.on('error', () => {})
    const answered = new Promise<Answer>((resolve) => {
      socket.on('message', (message) => {
        const answer = readAnswer(message, packet, secret)
        if (answer !== null) resolve(answer)
      })
    })
    const attempt = async (): Promise<Answer> => {
      const waitMs = waitsMs[packets++]
      socket.send(packet)
      const answer = await Promise.race([answered, sleep(waitMs, null, { signal })])
      if (answer === null) throw new NotAnswered()
      return answer
    }
    const answer = await pRetry(attempt, { retries: waitsMs.length - 1, minTimeout: 0, maxTimeout: 0, signal })
    return { answer, packets }
  } catch (error) {
    if (error instanceof NotAnswered) return { answer: null, packets }
    throw error
  } finally {
    socket.close()
  }
}

class NotAnswered extends Error {}
