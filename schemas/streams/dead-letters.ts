import { defineStream } from './define.ts'

export const deadLetters = defineStream({
  name: 'dead_letters',
  kafkaTopic: 'dead-letters',
  doc: 'One record that could not be stored in its own table, with the reason.',
  batchIdDoc: 'Identity of the batch the record came in; with batch_index the key of the dead letter.',
  fields: [
    {
      name: 'source',
      type: 'string',
      holds: null,
      doc: 'Where it came from: ping, auth, post-auth, or the table that refused it.',
    },
    { name: 'reason', type: 'string', holds: null, doc: 'Machine-readable reason, from a closed list.' },
    { name: 'error', type: 'string', holds: null, doc: 'What was wrong, in words, naming the field.' },
    {
      name: 'payload',
      type: 'string',
      holds: 'text',
      doc: 'What was sent, without credentials; of a post-auth body the known keys only.',
    },
    {
      name: 'remote_ip',
      type: 'string',
      holds: null,
      doc: 'Address the request came from, after trusted proxies; empty: not recorded.',
      default: '',
    },
    {
      name: 'sender',
      type: 'string',
      holds: 'writer',
      doc: 'Name of the credential with which it was sent (GATEPOST_INGEST_CREDENTIALS); empty: none.',
      default: '',
    },
  ],
  reportedAs: null,
  followedBy: [],
  inOverview: false,
})
