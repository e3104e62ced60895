import { DialectError, objects, type Dialect, type JsonObject } from './dialect.ts'

/**
 * `auth_op` has one entry per client. A gateway rejects an answer with an entry of the wrong type, so each id is returned as it was sent.
 */
function operations(clients: readonly JsonObject[], codes: readonly number[]): unknown[] {
  return clients.map(({ id }, index) => ({ id, auth_code: codes[index] }))
}

function requireIds(clients: readonly JsonObject[], name: string): void {
  for (const [index, { id }] of clients.entries()) {
    if (typeof id !== 'number' && typeof id !== 'string') throw new DialectError(`${name}[${index}].id is missing`)
  }
}

/**
 * apfree-wifidog 5: `POST auth/?stage=counters_v2` with `{"gw_id","clients":[{"id","ip","mac","token","name","incoming","outgoing",
 * "first_login","online_time","is_online","wired"}]}`, answered `{"gw_id","auth_op":[{"id","auth_code"}]}`.
 */
export const apfree5: Dialect = {
  stage: 'counters_v2',
  recognises: (body) => 'clients' in body,
  read(body) {
    const clients = objects(body['clients'], 'clients')
    requireIds(clients, 'clients')
    const { gw_id } = body
    return {
      clients: clients.map((client) => ({ ...client, gw_id })),
      answer: (codes) => JSON.stringify({ gw_id, auth_op: operations(clients, codes) }),
    }
  },
}

/**
 * apfree-wifidog 8: `{"device_id","gateway":[{"gw_id","gw_channel","clients":[...]}]}` with incoming_bytes for incoming, answered
 * `{"result":[{"gw_id","auth_op":[...]}]}`.
 */
export const apfree8: Dialect = {
  stage: 'counters_v2',
  recognises: (body) => 'gateway' in body,
  read(body) {
    const gateways = objects(body['gateway'], 'gateway').map((gateway, index) => {
      const name = `gateway[${index}].clients`
      const clients = objects(gateway['clients'], name)
      requireIds(clients, name)
      return { gateway, clients }
    })
    return {
      clients: gateways.flatMap(({ gateway: { gw_id, gw_channel }, clients }) =>
        // The device's id comes first: of two values for the gateway's slot the last one wins.
        clients.map((client) => ({ device_id: body['device_id'], ...client, gw_channel, gw_id })),
      ),
      answer(codes) {
        let first = 0
        const result = gateways.map(({ gateway: { gw_id }, clients }) => {
          const own = codes.slice(first, (first += clients.length))
          return { gw_id, auth_op: operations(clients, own) }
        })
        return JSON.stringify({ result })
      },
    }
  },
}
