import { defineStream } from './define.ts'

export const postAuth = defineStream({
  name: 'post_auth',
  kafkaTopic: 'post-auth',
  doc: 'One FreeRADIUS post-auth report: a login that was accepted or rejected.',
  fields: [
    {
      name: 'username',
      type: 'string',
      holds: 'user',
      doc: 'User logins: the first six code points, upper case. Empty for certificate logins.',
    },
    {
      name: 'ssl_username',
      type: 'string',
      holds: 'user',
      doc: 'Certificate logins (EAP-TLS): the user name cut to 254 characters. Empty for user logins.',
    },
    {
      name: 'mac',
      type: 'string',
      holds: 'mac',
      doc: "The client's MAC as 50-A6-7F-84-9C-D1; empty if the request held none.",
    },
    {
      name: 'ap',
      type: 'string',
      holds: null,
      doc: "The access point's MAC, from called_station_id, in the same form; empty if it held none.",
    },
    {
      name: 'building_identifier',
      type: 'string',
      holds: null,
      doc: 'called_station_id, whole, if it is not empty and holds no MAC.',
    },
    { name: 'site_ip', type: 'string', holds: null, doc: "site_ip_address as sent: the RADIUS client's address." },
    { name: 'success', type: 'boolean', holds: null, doc: 'Whether authentication_result is exactly Access-Accept.' },
    { name: 'authentication_result', type: 'string', holds: null, doc: 'As sent: Access-Accept or Access-Reject.' },
    { name: 'authentication_reply', type: 'string', holds: null, doc: 'Reply-Message as sent.' },
    { name: 'task_id', type: 'string', holds: null, doc: 'Which RADIUS server instance reported.' },
    {
      name: 'cert_name',
      type: 'string',
      holds: null,
      doc: 'Common name of the client certificate; certificate logins only.',
    },
    {
      name: 'cert_serial',
      type: 'string',
      holds: null,
      doc: 'Serial number of the client certificate; certificate logins only.',
    },
    {
      name: 'cert_subject',
      type: 'string',
      holds: null,
      doc: 'Subject of the client certificate; certificate logins only.',
    },
    {
      name: 'cert_issuer',
      type: 'string',
      holds: null,
      doc: 'Issuer of the client certificate; certificate logins only.',
    },
    { name: 'eap_type', type: 'string', holds: null, doc: 'EAP-TLS or MSCHAP.' },
  ],
  reportedAs: 'post-auth',
  followedBy: ['login_calendar'],
  inOverview: true,
})
