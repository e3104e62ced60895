import { deadLetters } from './dead-letters.ts'
import type { StreamDescriptor, StreamField } from './define.ts'
import { gatewayAuth } from './gateway-auth.ts'
import { gatewayPings } from './gateway-pings.ts'
import { portalSessions } from './portal-sessions.ts'
import { postAuth } from './post-auth.ts'

/*
 * All streams. Journal, Kafka topics, inserts, retention, forgetting, replay and the overview are driven by this list. docs/contributing.md
 * says how to add a field or a stream.
 */
const ALL = [postAuth, gatewayPings, gatewayAuth, portalSessions, deadLetters] as const

type Descriptor = (typeof ALL)[number]
/** The name of a stream. */
export type Topic = Descriptor['name']
type DescriptorOf<T extends Topic> = Extract<Descriptor, { readonly name: T }>

type NamesOf<Fields extends readonly StreamField[]> = { readonly [Index in keyof Fields]: Fields[Index]['name'] }
/**
 * Names of a stream's fields after the identity, in record order. Each encoder lists the fields it writes as a value of this type: a missing
 * field does not compile.
 */
export type FieldNames<T extends Topic> = NamesOf<DescriptorOf<T>['fields']>
/** The name of one of them. */
export type FieldName<T extends Topic> = DescriptorOf<T>['fields'][number]['name']

/** Values of dead_letters.source for requests. */
export type ReportedAs = NonNullable<Descriptor['reportedAs']>

/** Tables that have a stream's retention; see StreamDescriptor.followedBy. */
export type FollowingTable = Descriptor['followedBy'][number]

export const TOPICS = ALL.map(({ name }) => name) as unknown as readonly [Topic, ...Topic[]]

const byName = new Map<Topic, Descriptor>(ALL.map((descriptor) => [descriptor.name, descriptor]))

export function streamOf(topic: Topic): StreamDescriptor & { readonly followedBy: readonly FollowingTable[] } {
  return byName.get(topic) as Descriptor
}

/** Fields of a stream that may hold this kind of personal data. */
export function fieldsHolding(topic: Topic, holds: StreamField['holds']): readonly string[] {
  return streamOf(topic)
    .fields.filter((field) => field.holds === holds)
    .map(({ name }) => name)
}

/** The stream whose records requests of this source make; undefined: none. */
export function streamReportedAs(source: string): Topic | undefined {
  return TOPICS.find((topic) => streamOf(topic).reportedAs === source)
}

export function isTopic(name: string): name is Topic {
  return (TOPICS as readonly string[]).includes(name)
}
