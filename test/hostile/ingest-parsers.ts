import { Socket } from 'node:net'
import { pino } from 'pino'
import { App } from '../../ingest/app.ts'
import { assignsCredential, isCredential } from '../../ingest/parse/credentials.ts'
import { JsonFields } from '../../ingest/parse/json.ts'
import { formDecode, QueryFields } from '../../ingest/parse/query.ts'
import { authFields } from '../../ingest/encode/auth.ts'
import { POST_AUTH_KEYS } from '../../ingest/encode/post-auth.ts'
import { Exchange } from '../../ingest/http.ts'
import { readRawHead } from '../../ingest/listeners/raw-head.ts'
import { userAgentText } from '../../ingest/listeners/user-agent.ts'
import { parseDecimal, parseUint64 } from '../../ingest/parse/number.ts'
import { accountName } from '../../portal/account.ts'
import { newNonce, PortalCookies } from '../../portal/cookie.ts'
import { openPortal } from '../../portal/open.ts'
import { besides, onwardLink, portalRequest, redirectOf } from '../../portal/request.ts'
import { loadLanguages } from '../../portal/texts.ts'
import { routeOf } from '../../ingest/routes/router.ts'
import { LOCAL_WRITERS, Writers } from '../../ingest/writers/writers.ts'
import { canonicalIp } from '../../common/ip-address.ts'
import { normalMac } from '../../common/mac.ts'
import { TrustedProxies } from '../../common/trusted-proxies.ts'
import type { LogWriter } from '../../log/contract.ts'
import { MemoryAccess } from '../helpers/memory-access.ts'
import type { Parser } from './growth.ts'

/* What ingest reads of requests: parts of it alone, and whole requests through the routes. */

/** Keeps nothing. */
const nowhere: LogWriter = {
  nextPartition: () => 0,
  append: () => Promise.resolve(),
  close: () => Promise.resolve(),
}

const access = new MemoryAccess()
const logger = pino({ level: 'silent' })
const app = new App({
  log: nowhere,
  authMode: 'open',
  secrets: ['secret'],
  access,
  ack: 'durable',
  portal: (records, reports) =>
    openPortal(
      {
        methods: ['click', 'voucher'],
        directory: null,
        termsVersion: '1',
        useWithinMs: 600_000,
        sessionMaxMs: 86_400_000,
        validationTimeMs: 1_200_000,
        roaming: true,
        landingUrl: null,
        portalUrl: null,
        rememberDeviceMs: null,
        rememberedLogin: 'click',
        limits: [],
        looks: [],
        oidc: null,
        codeWebhook: null,
        webhook: null,
        mail: null,
      },
      { secrets: ['secret'], access, records, reports, logger },
    ),
  logger,
})

function exchange(query: string, headers: Readonly<Record<string, string>> = {}): Exchange {
  return Object.assign(new Exchange(), {
    query,
    userAgent: 'x',
    remoteIp: '127.0.0.1',
    header: (name: string) => headers[name] ?? '',
    secure: () => true,
  })
}

function get(path: string, query: string, headers: Readonly<Record<string, string>> = {}) {
  const asked = exchange(query, headers)
  app.get(path, asked)
  return asked.settled()
}

function post(path: string, query: string, body: string, headers: Readonly<Record<string, string>> = {}) {
  const asked = exchange(query, headers)
  app.bodyHandler('POST', path, asked)?.handle(Buffer.from(body), asked)
  return asked.settled()
}

const QUERY = [
  'a',
  '&',
  '=',
  '%',
  '%4',
  '%41',
  '+',
  'x=1&',
  '&&',
  'token=',
  'session_id',
  'pass.',
  'key[',
  '%3d',
  'é',
  'gw_id=',
]
const JSON_PIECES = [
  '{',
  '}',
  '[',
  ']',
  '"a":',
  '"a":1,',
  '"\\u0041',
  '\\"',
  '"',
  ',',
  ':',
  ' ',
  '1',
  '-',
  'e',
  '.',
  'null',
  '\\',
  'é',
  '{"a":',
  '[{}],',
]
const HEAD = [
  ' ',
  ',',
  ';',
  '=',
  '-',
  '*',
  'q=0.5',
  'en,',
  '1.2.3.4,',
  '[::1]:1,',
  '127.0.0.1,',
  'gatepost_portal=',
  'a=b; ',
  'é',
  '~',
  '.',
]
const PATH = ['/', 'a', '//', '/index.php', '/capport/api/', '/logging/post-auth', '/ping', '.', '%', '%2f']
const TEXT = [
  'a',
  '0',
  '.',
  ':',
  '-',
  '@',
  'a.',
  'a@',
  '1:',
  ' ',
  '%',
  '[',
  '/',
  'http://',
  '?',
  '#',
  'é',
  '9',
  'token',
  'pass=',
]

const languages = loadLanguages([])
const cookies = new PortalCookies('secret', 60_000)
const state = {
  nonce: newNonce(),
  sessionId: '',
  gwId: '',
  gwAddress: '',
  gwPort: '',
  mac: '',
  url: '',
  account: '',
  ends: 0,
}
const cookie = cookies.header(state, Date.now(), false).split(';')[0]
const writers = new Writers(
  { ...LOCAL_WRITERS, credentials: [{ name: 'radius', secret: 'a secret of a server' }] },
  logger,
)
const proxies = new TrustedProxies(['127.0.0.0/8', '::1'])
const query = new QueryFields(
  [64, 64],
  [
    ['gw_id', 0],
    ['ip', 1],
  ],
)
const auth = authFields()
const json = new JsonFields(POST_AUTH_KEYS)

const socket = new Socket()
const readHead = (text: string) => readRawHead(Buffer.from(text), socket, true)

/** Requests are refused above their limits, so what is within them is measured. */
const WITHIN_QUERY = 4000
const WITHIN_HEAD = 2000
const LOGIN = 'gw_id=G&gw_address=192.168.1.1&gw_port=2060&mac=00:11:22:33:44:55'

export const INGEST_PARSERS: readonly Parser[] = [
  {
    name: 'request lines that Node.js cannot parse',
    run: readHead,
    pieces: [' ', 'a', 'é', '\t', '%', '?', ' HTTP/1.0', 'HTTP/1.', '\r', '\xa0'],
    characters: WITHIN_HEAD,
    wrap: (text) => `GET /${text}x HTTP/1.0\r\n\r\n`,
  },
  {
    name: 'headers that Node.js cannot parse',
    run: readHead,
    pieces: [' ', ':', 'a: b\r\n', 'Cookie:a\n', 'a:\n', '\r', '\n', '\r\n', 'é', '\t'],
    characters: WITHIN_HEAD,
    wrap: (text) => `GET / HTTP/1.0\r\n${text}`,
  },
  { name: 'form decoding', run: formDecode, pieces: QUERY },
  { name: 'credentials in names', run: isCredential, pieces: [...QUERY, ...TEXT] },
  { name: 'credentials in values', run: assignsCredential, pieces: [...QUERY, ...TEXT] },
  {
    name: 'numbers',
    run: (text) => [parseUint64(text, 0, text.length), parseDecimal(text, 0, text.length)],
    pieces: TEXT,
  },
  { name: 'MACs', run: normalMac, pieces: TEXT },
  { name: 'addresses', run: canonicalIp, pieces: TEXT },
  { name: 'account names', run: accountName, pieces: TEXT },
  { name: 'links', run: onwardLink, pieces: TEXT },
  { name: 'paths', run: (text) => [routeOf(text), besides(text, 'login')], pieces: PATH },
  { name: 'User-Agent', run: userAgentText, pieces: HEAD },
  { name: 'Accept-Language', run: (text) => languages.choose(text), pieces: HEAD },
  { name: 'Cookie', run: (text) => cookies.read(text, Date.now()), pieces: [...HEAD, `${cookie};`] },
  {
    name: 'Authorization',
    run: (text) => writers.writerOf('post-auth', exchange('', { authorization: text })),
    pieces: ['Basic ', 'Bearer ', 'cmFkaXVz', 'OmE=', '=', ' ', ':', 'é'],
  },
  { name: 'X-Forwarded-For', run: (text) => proxies.client('127.0.0.1', text), pieces: HEAD },
  { name: 'queries', run: (text) => query.parse(text), pieces: QUERY, characters: WITHIN_QUERY },
  {
    name: 'queries, and their dead letters',
    run: (text) => {
      auth.parse(text)
      return [auth.oversize(), auth.describe()]
    },
    pieces: QUERY,
    characters: WITHIN_QUERY,
  },
  { name: 'JSON', run: (text) => json.parse(Buffer.from(text)), pieces: JSON_PIECES },
  {
    name: 'JSON in an object',
    run: (text) => json.parse(Buffer.from(text)),
    pieces: JSON_PIECES,
    wrap: (text) => `{"username":${text}}`,
  },
  {
    name: 'redirects',
    run: (text) => redirectOf(portalRequest('login', '/', exchange(text)).query),
    pieces: QUERY,
    characters: WITHIN_QUERY,
  },
  { name: 'GET ping', run: (text) => get('/ping', text), pieces: QUERY, characters: WITHIN_QUERY },
  {
    name: 'GET auth',
    run: (text) => get('/auth', `stage=counters&token=t&${text}`),
    pieces: QUERY,
    characters: WITHIN_QUERY,
  },
  {
    name: 'GET login',
    run: (text) => get('/login', `${LOGIN}&url=${text}`),
    pieces: QUERY,
    characters: WITHIN_QUERY / 2,
  },
  {
    name: 'GET login with headers',
    run: (text) => get('/login', LOGIN, { cookie: text, 'accept-language': text }),
    pieces: HEAD,
  },
  { name: 'GET of any path', run: (text) => get(`/${text}`, ''), pieces: PATH, characters: WITHIN_QUERY },
  {
    name: 'login forms',
    run: (text) => post('/login', LOGIN, text, { cookie, 'content-type': 'application/x-www-form-urlencoded' }),
    pieces: QUERY,
  },
  { name: 'post-auth', run: (text) => post('/logging/post-auth', '', text), pieces: JSON_PIECES },
  {
    name: 'post-auth with a long value',
    run: (text) => post('/logging/post-auth', '', text),
    pieces: ['a', 'é', '\\u00e9', '\\n', '-', ':', '%'],
    wrap: (text) => `{"authentication_result":"Access-Accept","authentication_reply":"${text}"}`,
  },
  { name: 'counters', run: (text) => post('/auth', 'stage=counters_v2', text), pieces: JSON_PIECES },
  {
    name: 'clients of counters',
    run: (text) => post('/auth', 'stage=counters_v2', text),
    pieces: [
      '{"id":1},',
      '{"id":1,"token":"t","mac":"00:11:22:33:44:55"},',
      '{"id":"x","incoming":-1},',
      '{"id":1,"a":{"b":[1]}},',
    ],
    wrap: (text) => `{"gw_id":"${'G'.repeat(512)}","clients":[${text}{"id":2}]}`,
  },
  {
    name: 'gateways of counters',
    run: (text) => post('/auth', 'stage=counters_v2', text),
    pieces: ['{"gw_id":"G","clients":[]},', '{"gw_id":"G","gw_channel":"c","clients":[{"id":1}]},'],
    characters: 1500,
    wrap: (text) => `{"device_id":"D","gateway":[${text}{"gw_id":"H","clients":[]}]}`,
  },
  {
    name: 'counters of wifidog-ng',
    run: (text) => post('/auth', `gw_id=${'G'.repeat(512)}&stage=counters`, text),
    pieces: ['{},', '{"mac":"x"},', '{"mac":"00:11:22:33:44:55","token":"t","incoming":1},'],
    wrap: (text) => `{"counters":[${text}{}]}`,
  },
]
