import { objects, reports, shared, type Dialect } from './dialect.ts'

/** wifidog-ng reads at most this much of an answer. */
const ANSWER_MAX_BYTES = 1024

/** Every other code admits the client or leaves it unchanged. */
const DENIALS = new Set([0, 6])

/**
 * wifidog-ng 1.5: `POST auth?gw_id=G&stage=counters` with `{"counters":[{"ip","mac","token","uptime","incoming","outgoing"}]}`, with 32-bit
 * counters. The answer `{"resp":[{"mac","auth":0}]}` lists denials only; denials beyond 1,024 bytes are left for the next report.
 */
export const wifidogNg: Dialect = {
  stage: 'counters',
  recognises: (body) => 'counters' in body,
  read(body, query) {
    const gwId = shared(query.get('gw_id'), 'gw_id')
    const entries = objects(body['counters'], 'counters')
    return {
      clients: reports(entries, (entry) => ({ ...entry, gw_id: gwId })),
      answer(codes) {
        const denied: string[] = []
        let length = '{"resp":[]}'.length
        for (const [index, code] of codes.entries()) {
          const { mac } = entries[index]
          if (!DENIALS.has(code) || typeof mac !== 'string') continue
          // The gateway looks up its client by the exact text that it sent.
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
