import { isIP } from 'node:net'
import { isAbsolute, resolve } from 'node:path'
import { z } from 'zod'
import { canonicalIp } from '../../common/ip-address.ts'

/**
 * The types of variables: each parses text into the value that the program uses. The allowed values are described with each variable
 * (variables.ts), not here.
 */
export type ValueSchema<T = unknown> = z.ZodType<T, string>

/** Message of an issue that adds nothing to the description of the allowed values. */
export const REFUSED = 'not allowed'

/** A parser as a schema: undefined means not allowed. */
export function parsed<T>(parse: (text: string) => T | undefined): ValueSchema<T> {
  return z.string().transform((text, context) => {
    const value = parse(text.trim())
    if (value === undefined) {
      context.addIssue(REFUSED)
      return z.NEVER
    }
    return value
  })
}

function wholeNumber(text: string): number | undefined {
  if (!/^\d{1,15}$/.test(text)) return undefined
  return Number(text)
}

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined
}

export function integer(min: number, max: number): ValueSchema<number> {
  return parsed((text) => within(wholeNumber(text), min, max))
}

export const port = integer(0, 65535)

const SIZE_UNITS: Record<string, number> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

/** `10 GiB`, `512MiB`, `1.5 GB`, plain bytes: whole bytes, or undefined. */
export function parseSize(text: string): number | undefined {
  return parseWithUnit(text, SIZE_UNITS)
}

const DURATION_UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `500ms`, `30s`, `10m`, `24h`, `2d`: whole milliseconds, or undefined. A bare number is refused: its unit is a guess. */
export function parseDuration(text: string): number | undefined {
  return parseWithUnit(text, DURATION_UNITS)
}

function parseWithUnit(text: string, units: Record<string, number>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text)
  if (!match) return undefined
  const unit = match[2].toLowerCase()
  if (!Object.hasOwn(units, unit)) return undefined
  const value = Math.round(Number(match[1]) * units[unit])
  return Number.isSafeInteger(value) ? value : undefined
}

/** Bytes. */
export function size(min: number, max: number): ValueSchema<number> {
  return parsed((text) => within(parseSize(text), min, max))
}

/** `06:30`, a time of day: minutes since midnight, or undefined. */
export function timeOfDay(first: number, last: number): ValueSchema<number> {
  return parsed((text) => {
    const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? []
    return hours === undefined ? undefined : within(Number(hours) * 60 + Number(minutes), first, last)
  })
}

/** Milliseconds. */
export function duration(min: number, max: number): ValueSchema<number> {
  return parsed((text) => within(parseDuration(text), min, max))
}

export function oneOf<const T extends string>(...names: readonly T[]): ValueSchema<T> {
  return parsed((text) => names.find((name) => name === text))
}

/** Comma-separated, at least one, no name twice. */
export function listOf<const T extends string>(...names: readonly T[]): ValueSchema<readonly T[]> {
  return parsed((text) => listItems(text, (item) => names.find((name) => name === item)))
}

export function listItems<T>(text: string, parse: (item: string) => T | undefined): T[] | undefined {
  const items: T[] = []
  for (const part of text.split(',')) {
    const item = parse(part.trim())
    if (item === undefined || items.includes(item)) return undefined
    items.push(item)
  }
  return items
}

/** Text that is not trimmed: surrounding blanks may belong to a password. */
export function secretText(minLength: number): ValueSchema<string> {
  return z.string().min(minLength, REFUSED)
}

export const plainText: ValueSchema<string> = parsed((text) => text || undefined)

/** Text that is stored in every record of a kind, so it is short. */
export const shortText: ValueSchema<string> = parsed((text) => (text.length <= 64 ? text || undefined : undefined))

/** The name of a user of this machine, as useradd(8) allows it. */
export const userName: ValueSchema<string> = parsed((text) =>
  /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(text) ? text : undefined,
)

/** One address, without a name. */
export const mailAddress: ValueSchema<string> = parsed((text) =>
  /^[^\s@<>,;"]{1,64}@[^\s@<>,;"]{1,255}$/.test(text) ? text : undefined,
)

/** Resolved against the working directory. NUL bytes are refused: the operating system would cut the path there. */
export const path: ValueSchema<string> = parsed((text) => {
  if (text === '' || text.includes('\0')) return undefined
  return isAbsolute(text) ? text : resolve(text)
})

/** An address to listen on. Host names are refused: they may resolve to several addresses, or change. */
export const bindAddress: ValueSchema<string> = parsed((text) =>
  text === 'localhost' || isIP(text) !== 0 ? text : undefined,
)

/** Comma-separated addresses and CIDR blocks, as node:net's BlockList takes them. */
export const addressBlocks: ValueSchema<readonly string[]> = parsed((text) => listItems(text, addressBlock))

export function addressBlock(text: string): string | undefined {
  const [address, prefix, ...rest] = text.split('/')
  const ip = canonicalIp(address)
  if (ip === undefined || rest.length > 0) return undefined
  if (prefix === undefined) return ip
  const bits = within(wholeNumber(prefix), 0, isIP(ip) === 4 ? 32 : 128)
  return bits === undefined ? undefined : `${ip}/${bits}`
}

/** Comma-separated host:port; an IPv6 address stands in brackets. */
export const brokers: ValueSchema<readonly string[]> = parsed((text) => listItems(text, broker))

function broker(text: string): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+):(\d{1,5})$/i.exec(text)
  return match && within(wholeNumber(match[2]), 1, 65535) !== undefined ? text : undefined
}

/** A prefix of topic names: Kafka's characters; a whole name has at most 249. */
export const topicPrefix: ValueSchema<string> = parsed((text) =>
  /^[a-zA-Z0-9._-]{0,100}$/.test(text) ? text : undefined,
)

/** The name of a cluster in a ClickHouse server's configuration, safe to embed in a statement. */
export const clusterName: ValueSchema<string> = parsed((text) =>
  /^[a-zA-Z0-9_-]{1,100}$/.test(text) ? text : undefined,
)

/** Comma-separated host names, without ports. */
export const hostNames: ValueSchema<readonly string[]> = parsed((text) =>
  listItems(text, (item) => (/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i.test(item) ? item.toLowerCase() : undefined)),
)

/** A URL of http or https; or a file, absolute from the working directory. */
export const fileOrUrl: ValueSchema<string> = parsed((text) => {
  const schema = /^[a-z][a-z0-9+.-]+:\/\//i.test(text) ? url('http', 'https') : path
  const result = schema.safeParse(text)
  return result.success ? result.data : undefined
})

/** A URL of one of these protocols (written without the colon) that names a host. */
export function url(...protocols: readonly string[]): ValueSchema<string> {
  return parsed((text) => {
    if (!URL.canParse(text)) return undefined
    const { protocol, hostname } = new URL(text)
    return protocols.includes(protocol.slice(0, -1)) && hostname !== '' ? text : undefined
  })
}
