import { deadLetters } from './dead-letters.ts'
import type { StreamDescriptor, StreamField } from './define.ts'
import { gatewayAuth } from './gateway-auth.ts'
import { gatewayPings } from './gateway-pings.ts'
import { portalSessions } from './portal-sessions.ts'
import { postAuth } from './post-auth.ts'
import { radiusAccounting } from './radius-accounting.ts'

/*
 * All streams. Journal, Kafka topics, inserts, retention, forgetting, replay and the overview are driven by this list. docs/contributing.md
 * says how to add a field or a stream.
 */
const ALL = [postAuth, radiusAccounting, gatewayPings, gatewayAuth, portalSessions, deadLetters] as const

type Descriptor = (typeof ALL)[number]
/** The name of a stream. */
export type Stream = Descriptor['name']
type DescriptorOf<T extends Stream> = Extract<Descriptor, { readonly name: T }>

type NamesOf<Fields extends readonly StreamField[]> = { readonly [Index in keyof Fields]: Fields[Index]['name'] }
/**
 * Names of a stream's fields after the identity, in record order. Each encoder lists the fields it writes as a value of this type: a missing
 * field does not compile.
 */
export type FieldNames<T extends Stream> = NamesOf<DescriptorOf<T>['fields']>
/** The name of one of them. */
export type FieldName<T extends Stream> = DescriptorOf<T>['fields'][number]['name']

/** Values of dead_letters.source for requests. */
export type ReportedAs = NonNullable<Descriptor['reportedAs']>

/** Tables that have a stream's retention; see StreamDescriptor.followedBy. */
export type FollowingTable = Descriptor['followedBy'][number]

export const STREAMS = ALL.map(({ name }) => name) as unknown as readonly [Stream, ...Stream[]]

const byName = new Map<Stream, Descriptor>(ALL.map((descriptor) => [descriptor.name, descriptor]))

export function descriptorOf(stream: Stream): StreamDescriptor & { readonly followedBy: readonly FollowingTable[] } {
  return byName.get(stream) as Descriptor
}

/** Fields of a stream that may hold this kind of personal data. */
export function fieldsHolding(stream: Stream, holds: StreamField['holds']): readonly string[] {
  return descriptorOf(stream)
    .fields.filter((field) => field.holds === holds)
    .map(({ name }) => name)
}

/** The stream whose records requests of this source make; undefined: none. */
export function streamReportedAs(source: string): Stream | undefined {
  return STREAMS.find((stream) => descriptorOf(stream).reportedAs === source)
}

export function isStream(name: string): name is Stream {
  return (STREAMS as readonly string[]).includes(name)
}
