import { defineStream } from './define.ts'

export const gatewayAuth = defineStream({
  name: 'gateway_auth',
  kafkaTopic: 'auth',
  doc: 'One auth request of a WiFiDog gateway (login, counters, logout) and how it was answered.',
  fields: [
    { name: 'stage', type: 'string', holds: null, doc: 'login, counters or logout.' },
    {
      name: 'gw_id',
      type: 'string',
      holds: null,
      doc: "The gateway's identifier; empty if the gateway sent none (older than 1.3).",
    },
    { name: 'ip', type: 'string', holds: null, doc: "The client's address as sent." },
    {
      name: 'mac',
      type: 'string',
      holds: 'mac',
      doc: "The client's MAC as 50-A6-7F-84-9C-D1; empty if the request held none.",
    },
    {
      name: 'session_id',
      type: 'string',
      holds: null,
      doc: 'The session of the token; in open mode a keyed hash of the foreign token. Empty without a known token.',
    },
    {
      name: 'incoming',
      type: ['null', 'long'],
      holds: null,
      doc: 'Bytes to the client since its connection began; unsigned 64-bit in the same bits; null: not reported.',
    },
    {
      name: 'outgoing',
      type: ['null', 'long'],
      holds: null,
      doc: 'Bytes from the client since its connection began; unsigned 64-bit in the same bits; null: not reported.',
    },
    { name: 'incoming_delta', type: ['null', 'long'], holds: null, doc: 'incomingdelta as sent; null: not sent.' },
    { name: 'outgoing_delta', type: ['null', 'long'], holds: null, doc: 'outgoingdelta as sent; null: not sent.' },
    {
      name: 'auth_code',
      type: 'int',
      holds: null,
      doc: 'The code Gatepost answered: 0 denied, 1 allowed, 5 validation, 6 validation failed, -1 error.',
    },
    {
      name: 'own',
      type: 'boolean',
      holds: null,
      doc: "Whether the token was verified (in open mode: present) and MAC and gw_id are the session's.",
    },
    { name: 'remote_ip', type: 'string', holds: null, doc: 'Address the request came from, after trusted proxies.' },
    { name: 'user_agent', type: 'string', holds: null, doc: 'User-Agent header as sent, cut to 256 bytes.' },
    {
      name: 'extra',
      type: { type: 'map', values: 'string' },
      holds: null,
      doc: 'Every other parameter as sent, but for credentials.',
    },
    {
      name: 'source',
      type: 'string',
      holds: 'writer',
      doc: 'Name of the credential with which it was sent (GATEPOST_INGEST_CREDENTIALS); empty: none.',
      default: '',
    },
  ],
  reportedAs: 'auth',
  followedBy: ['session_hours', 'access_decisions'],
  inOverview: true,
})
