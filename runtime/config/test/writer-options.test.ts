import t from 'tap'
import { loadConfig, type Config, type Environment } from '../config.ts'
import { writerOptions } from '../writer-options.ts'

const options = (env: Environment) => writerOptions(loadConfig(env))
const SECRET = '0123456789abcdef'

t.test('credentials and networks', (t) => {
  t.same(options({}), { credentials: [], sources: {}, open: false, listeners: ['bulk'] })
  t.same(
    options({
      GATEPOST_INGEST_CREDENTIALS: `radius-1:${SECRET}, radius-1:${SECRET}:x ,r.2_:${'~'.repeat(128)}`,
      GATEPOST_INGEST_SOURCES: 'post-auth=192.0.2.0/24  2001:DB8::/32, ping=::1',
      GATEPOST_INGEST_OPEN: 'yes',
      GATEPOST_INGEST_LISTENERS: 'bulk,gateway',
    }),
    {
      credentials: [
        { name: 'radius-1', secret: SECRET },
        { name: 'radius-1', secret: `${SECRET}:x` },
        { name: 'r.2_', secret: '~'.repeat(128) },
      ],
      sources: { 'post-auth': ['192.0.2.0/24', '2001:db8::/32'], ping: ['::1'] },
      open: true,
      listeners: ['bulk', 'gateway'],
    },
  )
  t.end()
})

t.test('what is not allowed is named, without its secret', (t) => {
  const refused = (env: Environment): string => {
    let config: Config
    try {
      config = loadConfig(env)
    } catch (error) {
      return (error as Error).message
    }
    return t.fail(JSON.stringify([env, config.ingestSources])) ? '' : ''
  }
  for (const text of [
    'radius-1',
    'radius-1:short',
    `radius 1:${SECRET}`,
    `:${SECRET}`,
    `a:${SECRET},b:${SECRET}`,
    `a:${SECRET},`,
    `a:${'x'.repeat(129)}`,
    `${'a'.repeat(65)}:${SECRET}`,
    `a:${SECRET} x`,
    `a:${SECRET}é`,
    Array.from({ length: 65 }, (_, index) => `a:${SECRET}${index}`).join(','),
  ]) {
    t.match(refused({ GATEPOST_INGEST_CREDENTIALS: text }), /^GATEPOST_INGEST_CREDENTIALS=\*+: allowed is /, text)
  }
  for (const text of [
    'post-auth',
    'post-auth=',
    'post-auth=192.0.2.0/33',
    'login=192.0.2.1',
    'ping=192.0.2.1,ping=192.0.2.2',
    'ping=192.0.2.1=2',
    'ping=192.0.2.1,192.0.2.2',
    '192.0.2.1',
  ]) {
    t.match(refused({ GATEPOST_INGEST_SOURCES: text }), /^GATEPOST_INGEST_SOURCES=.*: allowed is /, text)
  }
  t.match(refused({ GATEPOST_INGEST_OPEN: 'true' }), /no or yes/)
  t.match(refused({ GATEPOST_INGEST_LISTENERS: 'sql' }), /of bulk, gateway/)
  t.end()
})
