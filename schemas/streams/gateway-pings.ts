import { defineStream } from './define.ts'

export const gatewayPings = defineStream({
  name: 'gateway_pings',
  kafkaTopic: 'pings',
  doc: 'One heartbeat of a WiFiDog gateway.',
  fields: [
    { name: 'gw_id', type: 'string', holds: null, doc: "The gateway's identifier, as it calls itself." },
    {
      name: 'sys_uptime',
      type: ['null', 'long'],
      holds: null,
      doc: "Seconds since the gateway's machine started; unsigned 64-bit, stored in the same bits; null: not reported.",
    },
    {
      name: 'sys_memfree',
      type: ['null', 'long'],
      holds: null,
      doc: 'Free memory in KiB; unsigned 64-bit, stored in the same bits; null: not reported.',
    },
    {
      name: 'sys_load',
      type: ['null', 'double'],
      holds: null,
      doc: 'Load average of the last minute; null: not reported.',
    },
    {
      name: 'wifidog_uptime',
      type: ['null', 'long'],
      holds: null,
      doc: "Seconds since the gateway's program started; unsigned 64-bit, stored in the same bits; null: not reported.",
    },
    { name: 'remote_ip', type: 'string', holds: null, doc: 'Address the request came from, after trusted proxies.' },
    { name: 'user_agent', type: 'string', holds: null, doc: 'User-Agent header as sent, cut to 256 bytes.' },
    {
      name: 'trusted',
      type: 'boolean',
      holds: null,
      doc: "Whether the request came from the gateway's registered source, or none is registered.",
    },
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
    {
      name: 'device_id',
      type: 'string',
      holds: null,
      doc: 'The machine that sent it, of which gw_id is one gateway (apfree); empty: not sent.',
      default: '',
    },
  ],
  reportedAs: 'ping',
  followedBy: ['gateway_latest', 'gateway_runs', 'gateway_devices'],
  inOverview: true,
})
