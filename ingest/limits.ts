/*
 * The longest input that becomes a record. WiFiDog gateways build a request in a buffer of 4,096 bytes, RADIUS packets have at most 4,096
 * bytes, and one attribute at most 253; each limit is several times what they send. A longer value is refused: the request makes a dead
 * letter (`field_too_long`) with what was sent, cut. Together the limits keep every record far below the capacity of a batch.
 */

/** Characters (UTF-16 units) of a query, or of the report of one client in a body. */
export const MAX_QUERY_CHARACTERS = 16 * 1024

/** Unknown parameters of a request or of a client's report. */
export const MAX_EXTRA_PARAMETERS = 256

/** Characters of the name of an unknown parameter; its value is limited by MAX_QUERY_CHARACTERS. */
export const MAX_NAME_CHARACTERS = 256

/** Characters of known parameters of heartbeats and auth requests. */
export const PARAMETER_CHARACTERS = {
  gw_id: 512,
  stage: 64,
  ip: 512,
  mac: 512,
  /** Ours have 32 characters, those of version 0.1 64; other systems' tokens are UUIDs, hashes or signed tokens. */
  token: 1024,
  /** Counters, uptimes, loads. */
  number: 64,
} as const

/** Clients in one body. The smallest entry of a real gateway has 128 bytes, so a body of COUNTERS_MAX_BYTES holds no more. */
export const MAX_CLIENTS = 8192

/** Gateways in one body of apfree 8. */
export const MAX_GATEWAYS = 256

/** Characters of an id that is returned as it was sent. */
export const MAX_ID_CHARACTERS = 128

/** Bytes of the fields of a post-auth report as JSON text, where one byte may be written as six. */
export const POST_AUTH_BYTES = {
  username: 2048,
  mac: 2048,
  called_station_id: 2048,
  site_ip_address: 2048,
  cert_name: 8192,
  authentication_result: 2048,
  /** A reply may consist of many attributes: as long as a body. */
  authentication_reply: 64 * 1024,
  task_id: 2048,
  cert_serial: 8192,
  cert_subject: 8192,
  cert_issuer: 8192,
  eap_type: 2048,
  nas_identifier: 2048,
  nas_ip: 2048,
  nas_port_id: 2048,
  event_timestamp: 128,
  report_id: 256,
} as const

/** Bytes of the fields of an accounting report, in the same way. */
export const ACCOUNTING_BYTES = {
  acct_status_type: 2048,
  acct_unique_session_id: 2048,
  acct_session_id: 2048,
  acct_multi_session_id: 2048,
  username: 2048,
  mac: 2048,
  called_station_id: 2048,
  site_ip_address: 2048,
  nas_identifier: 2048,
  nas_ip: 2048,
  nas_ip_address: 2048,
  nas_ipv6_address: 2048,
  nas_port_id: 2048,
  framed_ip_address: 2048,
  framed_ipv6_address: 2048,
  framed_ipv6_prefix: 2048,
  acct_session_time: 128,
  acct_input_octets: 128,
  acct_input_gigawords: 128,
  acct_output_octets: 128,
  acct_output_gigawords: 128,
  acct_input_packets: 128,
  acct_output_packets: 128,
  acct_terminate_cause: 2048,
  acct_delay_time: 128,
  task_id: 2048,
  event_timestamp: 128,
  report_id: 256,
} as const

/** Characters of each value in the dead letter of a request that was refused for its length. */
export const CUT_CHARACTERS = 256
