import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import { deciding } from '../../access/deciding.ts'
import type { AccessLog } from '../../access/log.ts'
import { endOf } from '../../access/online.ts'
import { OldestFirstMap } from '../../access/oldest-first.ts'
import { GatewayRegistry } from '../../access/registry.ts'
import { SUBJECTS } from '../../access/subjects.ts'
import type { Records } from '../records.ts'
import { Channel, type ChannelStats, type Kick } from './channel.ts'
import { Removals } from './removals.ts'

/*
 * Channels that gateways keep open (GATEPOST_GATEWAY_CHANNEL): apfree's WebSocket. A client whose session is denied, logged out or over is removed at once;
 * elsewhere its gateway is told with the next report. Neither side proves who it is, so a channel is told about clients only of gateways that are
 * registered with their sources and call from one of them.
 */

/** Channels of a worker, and of one address. */
const MAX_CHANNELS = 2000
const MAX_OF_ADDRESS = 16
const MESSAGE_MAX_BYTES = 64 * 1024
/** A machine that has not said which gateways it has. */
const SILENT_MS = 20_000
/** Machines send a heartbeat every 60 s. */
const LOST_MS = 200_000
const LOOK_MS = 200
/** Every session is looked at so often, and when something was decided. */
const EXPIRY_MS = 2000
/** Sessions that may have to be ended; beyond them the oldest are left to the next report. */
const MAX_SESSIONS = 200_000
const MAX_CHANGED = 10_000

/** A path as apfree's default, `/ws/wifidogx`, below any prefix. */
const PATH = /\/ws(\/wifidogx)?\/?$/

interface OnlineSession extends Kick {
  /** ms since the epoch. */
  readonly ends: number
}

export class GatewayChannels {
  readonly stats: ChannelStats = { kicked: 0, failed: 0 }
  readonly #access: AccessLog
  readonly #removals: Removals
  readonly #registry: GatewayRegistry
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_MAX_BYTES, perMessageDeflate: false })
  readonly #channels = new Map<Channel, string>()
  /** The latest session of each device at a gateway, by its subject in the access log. */
  readonly #sessions = new OldestFirstMap<OnlineSession>(MAX_SESSIONS)
  readonly #changed = new Set<string>()
  readonly #timer: NodeJS.Timeout
  #lookedAt = 0

  constructor(access: AccessLog, records: Records) {
    this.#access = access
    this.#removals = new Removals(records)
    this.#registry = new GatewayRegistry(access, () => [])
    access.watch((subject) => this.#seen(subject))
    this.#timer = setInterval(() => this.#look(Date.now()), LOOK_MS)
    this.#timer.unref()
  }

  get open(): number {
    return this.#channels.size
  }

  /** @param remoteIp with trusted proxies taken into account */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer, remoteIp: string): void {
    const [path] = (request.url ?? '').split('?')
    const own = [...this.#channels.values()].filter((address) => address === remoteIp).length
    if (!PATH.test(path)) return refuse(socket, '404 Not Found')
    if (this.#channels.size >= MAX_CHANNELS || own >= MAX_OF_ADDRESS) return refuse(socket, '503 Service Unavailable')
    socket.on('error', () => socket.destroy())
    this.#server.handleUpgrade(request, socket, head, (upgraded) => this.#opened(upgraded, socket, remoteIp))
  }

  close(): void {
    clearInterval(this.#timer)
    for (const client of this.#server.clients) client.terminate()
    this.#server.close()
  }

  #opened(upgraded: WebSocket, socket: Socket, remoteIp: string): void {
    const isOf = (gwId: string) => this.#registry.isProven(gwId, remoteIp)
    const channel = new Channel(upgraded, isOf, this.stats, (kicked) =>
      this.#removals.record({ ...kicked, remoteIp }, Date.now()),
    )
    this.#channels.set(channel, remoteIp)
    socket.setTimeout(SILENT_MS, () => upgraded.terminate())
    upgraded.on('error', () => upgraded.terminate())
    upgraded.on('close', () => this.#channels.delete(channel))
    upgraded.on('message', (data, isBinary) => {
      if (isBinary || !channel.received(textOf(data))) return
      socket.setTimeout(LOST_MS)
      for (const gwId of channel.gateways) this.#tell(gwId, Date.now())
    })
  }

  /** Lets commands know of the channel: they say by when a client is out. */
  #tell(gwId: string, now: number): void {
    const subject = SUBJECTS.channel.of(gwId)
    const until = this.#access.get(subject, now)?.until ?? 0
    if (until > now + LOST_MS / 2) return
    // If it cannot be written, the machine's next heartbeat tries again.
    this.#access.put(subject, { verdict: 'allow', reason: '', until: now + LOST_MS, updatedAt: now }).catch(() => {})
  }

  /** Remembers sessions, and what was decided. */
  #seen(subject: string): void {
    const at = SUBJECTS.online.nameOf(subject)
    if (at === null) {
      if (this.#channels.size > 0 && this.#changed.size < MAX_CHANGED) this.#changed.add(subject)
      return
    }
    const entry = this.#access.get(subject, Date.now())
    const data = SUBJECTS.online.dataOf(entry)
    if (entry === undefined || data === undefined) return
    this.#sessions.set(subject, { ...at, sessionId: data.sessionId, ends: endOf(entry) })
  }

  #look(now: number): void {
    if (this.#channels.size === 0) return this.#changed.clear()
    if (this.#changed.size === 0 && now - this.#lookedAt < EXPIRY_MS) return
    this.#lookedAt = now
    const changed = [...this.#changed]
    this.#changed.clear()
    const isAbout = {
      sessions: new Set(changed.map((subject) => SUBJECTS.session.nameOf(subject))),
      macs: new Set(changed.map((subject) => SUBJECTS.mac.nameOf(subject))),
      gateways: new Set(changed.map((subject) => SUBJECTS.gateway.nameOf(subject))),
      anyAccount: changed.some((subject) => SUBJECTS.account.nameOf(subject) !== null),
    }
    for (const [subject, session] of this.#sessions) {
      const { sessionId, mac, gwId, ends } = session
      const mayBeDenied =
        isAbout.sessions.has(sessionId) || isAbout.macs.has(mac) || isAbout.gateways.has(gwId) || isAbout.anyAccount
      if (ends > now && (!mayBeDenied || !this.#isDenied(session, now))) continue
      this.#sessions.delete(subject)
      for (const channel of this.#channels.keys())
        if (channel.gateways.has(gwId)) channel.kick({ gwId, mac, sessionId })
    }
  }

  #isDenied({ sessionId, mac, gwId }: OnlineSession, now: number): boolean {
    const { sessionAccount } = SUBJECTS
    const account = sessionAccount.dataOf(this.#access.get(sessionAccount.of(sessionId), now))?.account ?? ''
    return deciding(this.#access, { sessionId, mac, account, gwId }, now)?.verdict === 'deny'
  }
}

function refuse(socket: Socket, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  socket.destroySoon()
}

function textOf(data: RawData): string {
  return (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer)).toString('utf8')
}
