/*
 * RADIUS sessions as docs/sessions.md says, computed the slow and obvious way: the packets of a session are sorted by its own time and looked
 * at one after the other.
 */

export interface Packet {
  readonly status: 'Start' | 'Interim-Update' | 'Stop' | 'Accounting-On' | 'Accounting-Off'
  readonly nas: string
  /** Empty for those of a NAS. */
  readonly id: string
  readonly mac: string
  /** ms since the epoch. */
  readonly at: number
  /** Seconds. */
  readonly time: number | null
  readonly incoming: number | null
  readonly outgoing: number | null
  readonly cause: string
}

export interface PlainSession {
  readonly id: string
  readonly state: string
  readonly reason: string | null
  /** ms since the epoch; null: active. */
  readonly ended: number | null
  readonly first: number
  readonly last: number
  readonly incoming: number
  readonly outgoing: number
  readonly reports: number
}

const COUNTED = ['Interim-Update', 'Stop']

interface Life {
  readonly id: string
  readonly nas: string
  readonly packets: readonly Packet[]
  readonly mac: string
  readonly began: number
  readonly last: number
}

/** @param intervalOf seconds between interim updates at a NAS; 0: not known */
export function plainSessions(
  packets: readonly Packet[],
  now: number,
  timeoutIntervals: number,
  intervalOf: (nas: string) => number,
): PlainSession[] {
  const lives: Life[] = []
  for (const own of groups(
    packets.filter(({ id }) => id !== ''),
    ({ nas, id }) => `${nas} ${id}`,
  ).values()) {
    lives.push({
      id: own[0].id,
      nas: own[0].nas,
      packets: own,
      mac: own
        .map(({ mac }) => mac)
        .sort()
        .at(-1) as string,
      began: Math.min(...own.map(({ at, time }) => at - 1000 * (time ?? 0))),
      last: Math.max(...own.map(({ at }) => at)),
    })
  }
  const ofDevice = groups(lives, ({ mac }) => mac)
  const ofNas = groups(
    packets.filter(({ status }) => status.startsWith('Accounting-')),
    ({ nas }) => nas,
  )
  return lives.map((life) => {
    const stop = life.packets
      .filter(({ status }) => status === 'Stop')
      .sort((a, b) => b.at - a.at)
      .at(0)
    const counted = life.packets
      .filter(({ status, incoming, outgoing }) => COUNTED.includes(status) && (incoming ?? outgoing) !== null)
      .sort((a, b) => (a.time ?? 0) - (b.time ?? 0))
    const end = endOf(
      life,
      ofDevice.get(life.mac) ?? [],
      ofNas.get(life.nas) ?? [],
      stop,
      now,
      timeoutIntervals * intervalOf(life.nas),
    )
    const limit = stop?.time ?? Infinity
    return {
      id: life.id,
      state: end?.state ?? 'active',
      reason: end === null ? null : end.state === 'stopped' && stop?.cause ? stop.cause : end.state,
      ended: end?.at ?? null,
      first: Math.min(...life.packets.map(({ at }) => at)),
      last: life.last,
      incoming: bytesOf(counted, limit, (packet) => packet.incoming),
      outgoing: bytesOf(counted, limit, (packet) => packet.outgoing),
      reports: new Set(counted.map(({ time }) => time ?? 0)).size,
    }
  })
}

function groups<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>()
  for (const item of items) {
    const group = found.get(keyOf(item))
    if (group === undefined) found.set(keyOf(item), [item])
    else group.push(item)
  }
  return found
}

function endOf(
  life: Life,
  ofDevice: readonly Life[],
  restarts: readonly Packet[],
  stop: Packet | undefined,
  now: number,
  silenceSeconds: number,
): { at: number; state: string } | null {
  const ends: { at: number; state: string }[] = []
  if (stop !== undefined) ends.push({ at: stop.at, state: 'stopped' })
  for (const { at } of restarts) if (at > life.last) ends.push({ at, state: 'nas_restarted' })
  for (const other of ofDevice) {
    if (other === life || other.mac === '') continue
    if (other.began > life.last || (other.began === life.last && other.id > life.id))
      ends.push({ at: other.began, state: 'superseded' })
  }
  const deadline = life.last + 1000 * silenceSeconds
  if (silenceSeconds > 0 && now > deadline) ends.push({ at: deadline, state: 'timed_out' })
  const order = ['stopped', 'nas_restarted', 'superseded', 'timed_out']
  ends.sort((a, b) => a.at - b.at || order.indexOf(a.state) - order.indexOf(b.state))
  return ends.at(0) ?? null
}

/** PRECONDITION: sorted by session time. */
function bytesOf(packets: readonly Packet[], limit: number, value: (packet: Packet) => number | null): number {
  let sum = 0
  let before = 0
  let index = 0
  while (index < packets.length) {
    const time = packets[index].time ?? 0
    // Of several packets of one second the highest counts: the others are repetitions, or were overtaken.
    let highest: number | null = null
    for (; index < packets.length && (packets[index].time ?? 0) === time; index++) {
      const bytes = value(packets[index])
      if (bytes !== null && (highest === null || bytes > highest)) highest = bytes
    }
    if (highest === null || time > limit) continue
    // A lower value at a later time: the NAS began to count anew while the session went on.
    sum += highest >= before ? highest - before : highest
    before = highest
  }
  return sum
}
