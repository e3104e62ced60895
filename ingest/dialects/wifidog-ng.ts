import { objects, type Dialect } from './dialect.ts'

/** wifidog-ng reads no more of an answer. */
const ANSWER_MAX_BYTES = 1024

/** Everything but these admits the client, or leaves it as it is. */
const DENIALS = new Set([0, 6])

/**
 * wifidog-ng 1.5: `POST auth?gw_id=G&stage=counters` with `{"counters":[{"ip","mac","token","uptime","incoming","outgoing"}]}`, counters
 * of 32 bits. Answered `{"resp":[{"mac","auth":0}]}` with denials only; those beyond 1,024 bytes come with the next report.
 */
export const wifidogNg: Dialect = {
  stage: 'counters',
  recognises: (body) => 'counters' in body,
  read(body, query) {
    const gwId = query.get('gw_id')
    const entries = objects(body['counters'], 'counters')
    return {
      clients: entries.map((entry) => ({ ...entry, gw_id: gwId })),
      answer(codes) {
        const denied: string[] = []
        let length = '{"resp":[]}'.length
        for (const [index, code] of codes.entries()) {
          const { mac } = entries[index]
          if (!DENIALS.has(code) || typeof mac !== 'string') continue
          // The gateway looks its client up by the text that it sent.
          const entry = JSON.stringify({ mac, auth: 0 })
          length += Buffer.byteLength(entry) + 1
          if (length > ANSWER_MAX_BYTES) break
          denied.push(entry)
        }
        return `{"resp":[${denied.join(',')}]}`
      },
    }
  },
}
