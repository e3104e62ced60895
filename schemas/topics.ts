/** The streams of records: one Avro schema, one record-log topic and one raw table each. */
export const TOPICS = ['post_auth', 'gateway_pings', 'gateway_auth', 'portal_sessions', 'dead_letters'] as const

/** A stream's name is its Avro record's name and its table's name in database `gatepost`. */
export type Topic = (typeof TOPICS)[number]
