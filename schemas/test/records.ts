import { randomBytes } from 'node:crypto'
import { BATCH_SPAN_MS, type Batch } from '../batch.ts'
import { recordSchema } from '../avro.ts'
import type { FieldName, Stream } from '../streams/index.ts'

/** More bytes than a template's record needs. */
const USUAL_BYTES = 200

export type Fields = Record<string, unknown>

const TEMPLATES: { readonly [T in Stream]: Readonly<Record<FieldName<T>, unknown>> } = {
  post_auth: {
    username: 'ABCDEF',
    ssl_username: '',
    mac: '50-A6-7F-84-9C-D1',
    ap: 'AA-BB-CC-DD-EE-FF',
    building_identifier: '',
    site_ip: '192.0.2.7',
    success: true,
    authentication_result: 'Access-Accept',
    authentication_reply: '',
    task_id: 'task-1',
    cert_name: '',
    cert_serial: '',
    cert_subject: '',
    cert_issuer: '',
    eap_type: 'MSCHAP',
    remote_ip: '192.0.2.1',
    source: 'radius-1',
    ssid: 'GovWifi',
    nas_identifier: 'nas-1',
    nas_ip: '192.0.2.7',
    nas_port_id: 'wlan0',
    realm: 'example.org',
    auth_method: 'PEAP/MSCHAPv2',
  },
  radius_accounting: {
    event_at: 1_700_000_000_000,
    status_type: 'Interim-Update',
    unique_id: '0123456789abcdef0123456789abcdef',
    acct_session_id: '5F3A-00000001',
    multi_session_id: '',
    username: 'alice@example.org',
    realm: 'example.org',
    mac: '50-A6-7F-84-9C-D1',
    ap: 'AA-BB-CC-DD-EE-FF',
    building_identifier: '',
    ssid: 'GovWifi',
    site_ip: '192.0.2.7',
    nas: 'nas-1',
    nas_identifier: 'nas-1',
    nas_ip: '192.0.2.7',
    nas_port_id: 'wlan0',
    framed_ip: '10.0.0.5',
    framed_ipv6: '2001:db8::5',
    session_time: 600n,
    input_octets: 827770n,
    output_octets: 6031353n,
    input_packets: 1000n,
    output_packets: 5000n,
    terminate_cause: '',
    delay_time: 0n,
    task_id: 'task-1',
    remote_ip: '192.0.2.1',
    source: 'radius-1',
  },
  gateway_pings: {
    gw_id: 'gw-1',
    sys_uptime: 742725n,
    sys_memfree: 2604n,
    sys_load: 0.25,
    wifidog_uptime: 3861n,
    remote_ip: '198.51.100.9',
    user_agent: 'WiFiDog 1.3.0',
    trusted: true,
    extra: {},
    source: '',
    device_id: '',
  },
  gateway_auth: {
    stage: 'counters',
    gw_id: 'gw-1',
    ip: '10.0.0.5',
    mac: '50-A6-7F-84-9C-D1',
    session_id: 's-1',
    incoming: 6031353n,
    outgoing: 827770n,
    incoming_delta: null,
    outgoing_delta: null,
    auth_code: 1,
    own: true,
    remote_ip: '198.51.100.9',
    user_agent: 'WiFiDog 1.3.0',
    extra: {},
    source: '',
    device_id: '',
  },
  portal_sessions: {
    issued: 1_700_000_000_000,
    session_id: '0123456789abcdef',
    gw_id: 'gw-1',
    mac: '50-A6-7F-84-9C-D1',
    ip: '10.0.0.5',
    account: 'alice@example.org',
    method: 'account',
    terms_version: '1',
    use_by: 1_700_000_600_000,
    ends: 1_700_086_400_000,
    confirm_by: null,
    remote_ip: '198.51.100.9',
    source: '',
  },
  dead_letters: {
    source: 'ping',
    reason: 'bad_value',
    error: 'sys_load is not a number',
    payload: 'sys_load=x',
    remote_ip: '198.51.100.9',
    sender: '',
  },
}

/** Avro's 64-bit integers are signed; unsigned counters use the same bits. */
export function unsigned(value: bigint): bigint {
  return BigInt.asIntN(64, value)
}

export interface MadeBatch extends Batch {
  readonly records: Buffer
}

/** A batch of records of a stream, each a template with these fields changed, encoded by avsc. */
export function makeBatch(
  stream: Stream,
  receivedAt: number,
  records: readonly Fields[],
  batchId: Buffer = randomBytes(16),
): MadeBatch {
  const schema = recordSchema(stream)
  let encoded = Buffer.allocUnsafe(records.length * USUAL_BYTES)
  let end = 0
  records.forEach((fields, index) => {
    const record = { received_at: receivedAt, batch_id: batchId, batch_index: index, ...TEMPLATES[stream], ...fields }
    let next = schema.type.encode(record, encoded, end)
    if (next < 0) {
      // The number of missing bytes.
      encoded = Buffer.concat([encoded.subarray(0, end)], 2 * encoded.length - next)
      next = schema.type.encode(record, encoded, end)
    }
    end = next
  })
  return {
    stream,
    schema,
    batchId,
    recordCount: records.length,
    minReceivedAt: receivedAt,
    maxReceivedAt: receivedAt + BATCH_SPAN_MS,
    records: encoded.subarray(0, end),
  }
}

/** `count` records that differ only in their index. */
export function repeated(count: number, fields: Fields = {}): Fields[] {
  return Array.from({ length: count }, () => fields)
}
