import { MAX_CLIENTS, MAX_GATEWAYS } from '../limits.ts'
import { checkId, DialectError, objects, reports, shared, type Dialect, type JsonObject } from './dialect.ts'

/**
 * `auth_op` has one entry per client. A gateway rejects an answer with an entry of the wrong type, so each id is returned as it was sent.
 */
function operations(clients: readonly JsonObject[], codes: readonly number[], first = 0): unknown[] {
  return clients.map(({ id }, index) => ({ id, auth_code: codes[first + index] }))
}

function withIds(value: unknown, name: string): JsonObject[] {
  const clients = objects(value, name)
  for (const [index, { id }] of clients.entries()) checkId(id, `${name}[${index}].id`)
  return clients
}

/**
 * apfree-wifidog 5: `POST auth/?stage=counters_v2` with `{"gw_id","clients":[{"id","ip","mac","token","name","incoming","outgoing",
 * "first_login","online_time","is_online","wired"}]}`, answered `{"gw_id","auth_op":[{"id","auth_code"}]}`.
 */
export const apfree5: Dialect = {
  stage: 'counters_v2',
  recognises: (body) => 'clients' in body,
  read(body) {
    const gw_id = shared(body['gw_id'], 'gw_id')
    const clients = withIds(body['clients'], 'clients')
    return {
      clients: reports(clients, (client) => ({ ...client, gw_id })),
      answer: (codes) => JSON.stringify({ gw_id, auth_op: operations(clients, codes) }),
    }
  },
}

/**
 * apfree-wifidog 7.10 and later: `{"device_id","gateway":[{"gw_id","gw_channel","clients":[...]}]}`, answered
 * `{"result":[{"gw_id","auth_op":[...]}]}`. From 8.05 on with incoming_bytes and outgoing_bytes.
 */
export const apfree8: Dialect = {
  stage: 'counters_v2',
  recognises: (body) => 'gateway' in body,
  read(body) {
    const device_id = shared(body['device_id'], 'device_id')
    let count = 0
    const gateways = objects(body['gateway'], 'gateway', MAX_GATEWAYS).map((gateway, index) => {
      const name = `gateway[${index}]`
      const gw_id = shared(gateway['gw_id'], `${name}.gw_id`)
      const gw_channel = shared(gateway['gw_channel'], `${name}.gw_channel`)
      const clients = withIds(gateway['clients'], `${name}.clients`)
      count += clients.length
      if (count > MAX_CLIENTS)
        throw new DialectError(`gateway has more than ${MAX_CLIENTS} clients`, 'too_many_clients')
      return { gw_id, gw_channel, clients }
    })
    return {
      machine: { deviceId: device_id, gwIds: gateways.map(({ gw_id }) => gw_id) },
      clients: (function* () {
        for (const { gw_id, gw_channel, clients } of gateways) {
          // A client's own members cannot rename the gateway.
          yield* reports(clients, (client) => ({ ...client, device_id, gw_channel, gw_id }))
        }
      })(),
      answer(codes) {
        let first = 0
        const result = gateways.map(({ gw_id, clients }) => {
          const auth_op = operations(clients, codes, first)
          first += clients.length
          return { gw_id, auth_op }
        })
        return JSON.stringify({ result })
      },
    }
  },
}
