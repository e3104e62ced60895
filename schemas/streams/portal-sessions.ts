import { defineStream, TIMESTAMP } from './define.ts'

export const portalSessions = defineStream({
  name: 'portal_sessions',
  kafkaTopic: 'portal-sessions',
  doc: 'One token that the portal issued.',
  fields: [
    {
      name: 'issued',
      type: TIMESTAMP,
      holds: null,
      doc: 'When the token was issued, as it says itself: whole seconds.',
    },
    { name: 'session_id', type: 'string', holds: null, doc: 'The session of the token.' },
    { name: 'gw_id', type: 'string', holds: null, doc: 'The gateway it was issued for.' },
    {
      name: 'mac',
      type: 'string',
      holds: 'mac',
      doc: "The client's MAC as 50-A6-7F-84-9C-D1, as the gateway's redirect said; empty: the first client that uses the token has it.",
    },
    {
      name: 'ip',
      type: 'string',
      holds: null,
      doc: "The client's address in the gateway's network, as the redirect said.",
    },
    { name: 'account', type: 'string', holds: 'user', doc: 'Who logged in; empty: nobody in particular.' },
    { name: 'method', type: 'string', holds: null, doc: 'The login method, as GATEPOST_LOGIN names it.' },
    { name: 'terms_version', type: 'string', holds: null, doc: 'Version of the terms of use that were accepted.' },
    { name: 'use_by', type: TIMESTAMP, holds: null, doc: 'When the token must have been used.' },
    { name: 'ends', type: TIMESTAMP, holds: null, doc: 'When the session is over at the latest.' },
    {
      name: 'confirm_by',
      type: ['null', TIMESTAMP],
      holds: null,
      doc: 'When the e-mail address must have been confirmed; null: it need not be.',
    },
    {
      name: 'remote_ip',
      type: 'string',
      holds: null,
      doc: 'Address the request came from, after trusted proxies; empty: not recorded.',
      default: '',
    },
    {
      name: 'source',
      type: 'string',
      holds: 'writer',
      doc: 'Name of the credential with which it was sent (GATEPOST_INGEST_CREDENTIALS); empty: none.',
      default: '',
    },
  ],
  reportedAs: null,
  followedBy: [],
  inOverview: true,
})
