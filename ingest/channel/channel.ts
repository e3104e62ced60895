import { randomBytes } from 'node:crypto'
import type { WebSocket } from 'ws'

/*
 * The WebSocket of one apfree-wifidog machine (src/ws_thread.c of 9.07). The machine says which gateways it has, and takes commands:
 *
 *  → {"op":"connect"|"heartbeat","device_id":"…","gateway":[{"gw_id":"…"}],"req_id":"…"}
 *  ← {"op":"get_client_info","req_id":"…","mac":"…"}                                              → {"req_id":"…","response":"200","data":{"type":"…","data":{"ip":"…","ip6":"…"}}}
 *  ← {"op":"kickoff","req_id":"…","client_ip":"…","client_mac":"…","device_id":"…","gw_id":"…"}   → the same
 *
 * It handles one frame of each read, so a command waits for the answer to the one before.
 */

const MAX_GATEWAYS = 16
const MAX_ID = 512
/** Commands that wait; more are left to the gateway's next report. */
const MAX_WAITING = 500
const ANSWER_WITHIN_MS = 3000

/** A client that has to go. */
export interface Kick {
  readonly gwId: string
  /** In the normal form. */
  readonly mac: string
  readonly sessionId: string
}

/** What the machine answered. */
interface CommandAnswer {
  readonly data: Readonly<Record<string, unknown>>
  /** The machine did not do it. */
  readonly isRefused: boolean
}

/** A client that is out. */
export interface Kicked extends Kick {
  readonly ip: string
  readonly deviceId: string
}

export interface ChannelStats {
  /** Clients that gateways were told to remove, and answered. */
  kicked: number
  /** Commands that were not answered, that the machine refused, or that did not fit into the queue. */
  failed: number
}

interface Answered {
  readonly reqId: string
  readonly resolve: (answer: CommandAnswer | null) => void
}

export class Channel {
  /** gw_id of its gateways that are registered with sources, and called from one of them. */
  gateways: ReadonlySet<string> = new Set()
  readonly #socket: WebSocket
  readonly #isOf: (gwId: string) => boolean
  readonly #stats: ChannelStats
  readonly #kicked: (kicked: Kicked) => void
  readonly #waiting: Kick[] = []
  #deviceId = ''
  #busy = false
  #answered: Answered | null = null

  constructor(
    socket: WebSocket,
    isOf: (gwId: string) => boolean,
    stats: ChannelStats,
    kicked: (kicked: Kicked) => void,
  ) {
    this.#socket = socket
    this.#isOf = isOf
    this.#stats = stats
    this.#kicked = kicked
    socket.on('close', () => this.#answer(null))
  }

  /** @returns whether the machine said which gateways it has */
  received(text: string): boolean {
    const message = objectIn(text)
    const reqId = message?.['req_id']
    if (message === null) return false
    if (this.#answered !== null && String(reqId) === this.#answered.reqId) {
      // The answer of an operation is in an envelope of the same form.
      const answer = memberOf(message, 'data')
      this.#answer({ data: memberOf(answer, 'data') ?? answer ?? {}, isRefused: answer?.['status'] === 'error' })
      return false
    }
    const { op, device_id: deviceId, gateway } = message
    if ((op !== 'connect' && op !== 'heartbeat') || !isId(deviceId) || !Array.isArray(gateway)) return false
    this.#deviceId = deviceId
    const ids = gateway.slice(0, MAX_GATEWAYS).map((each) => (each as { gw_id?: unknown } | null)?.gw_id)
    this.gateways = new Set(ids.filter(isId).filter((gwId) => this.#isOf(gwId)))
    return true
  }

  kick(kick: Kick): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#stats.failed++
      return
    }
    this.#waiting.push(kick)
    if (!this.#busy) void this.#work()
  }

  async #work(): Promise<void> {
    this.#busy = true
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { gwId } = next
      const mac = next.mac.toLowerCase().replaceAll('-', ':')
      const client = await this.#command({ op: 'get_client_info', mac })
      const ip = client?.data['ip'] ?? client?.data['ip6']
      // The client may have gone by itself.
      if (typeof ip !== 'string') {
        if (client === null) this.#stats.failed++
        continue
      }
      const done = await this.#command({
        op: 'kickoff',
        client_ip: ip,
        client_mac: mac,
        device_id: this.#deviceId,
        gw_id: gwId,
      })
      if (done === null || done.isRefused) {
        this.#stats.failed++
        continue
      }
      this.#stats.kicked++
      this.#kicked({ ...next, ip, deviceId: this.#deviceId })
    }
    this.#busy = false
  }

  /** Null: there was no answer in time. */
  #command(command: object): Promise<CommandAnswer | null> {
    if (this.#socket.readyState !== this.#socket.OPEN) return Promise.resolve(null)
    const reqId = randomBytes(8).toString('hex')
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#answer(null), ANSWER_WITHIN_MS)
      this.#answered = {
        reqId,
        resolve: (answer) => {
          clearTimeout(timer)
          resolve(answer)
        },
      }
      this.#socket.send(JSON.stringify({ ...command, req_id: reqId }))
    })
  }

  #answer(answer: CommandAnswer | null): void {
    const answered = this.#answered
    this.#answered = null
    answered?.resolve(answer)
  }
}

function memberOf(object: Record<string, unknown> | null, name: string): Record<string, unknown> | null {
  const member = object?.[name]
  return typeof member === 'object' && member !== null ? (member as Record<string, unknown>) : null
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_ID
}

function objectIn(text: string): Record<string, unknown> | null {
  try {
    const parsed = JSON.parse(text) as unknown
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : null
  } catch {
    return null
  }
}
