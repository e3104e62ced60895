import { connect } from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import { pino } from 'pino'
import { MemoryAccess } from '../../test/helpers/memory-access.ts'
import { MemoryLog } from '../../test/helpers/memory-log.ts'
import { Tokens } from '../../access/token.ts'
import { App } from '../app.ts'
import { TrustedProxies } from '../../common/trusted-proxies.ts'
import { BulkListener } from '../listeners/bulk.ts'

/*
 * Somebody guesses tokens through a gateway, as fast as a connection allows: no guess is valid, clients with a token stay online, and
 * every guess is on record.
 */
const GUESSES = 20_000
const CONNECTIONS = 50
const MAC = '50-A6-7F-84-9C-D1'

t.test('20,000 guesses over HTTP', async (t) => {
  const tokens = new Tokens(['secret'])
  const log = new MemoryLog()
  const access = new MemoryAccess()
  const logger = pino({ level: 'silent' })
  const app = new App({ log, authMode: 'signed', secrets: ['secret'], access, ack: 'durable', logger })
  const listener = new BulkListener(app, new TrustedProxies([]))
  await listener.listen('127.0.0.1', 0)
  t.teardown(() => listener.close())
  const now = Date.now()
  const { text, token: own } = tokens.issue({
    now,
    useWithinMs: 600_000,
    sessionMaxMs: 3_600_000,
    confirmWithinMs: null,
    mac: MAC,
    gwId: 'G',
    account: '',
  })
  const ask = async (token: string) => {
    const query = `stage=counters&ip=10.0.0.7&mac=${MAC}&token=${token}&incoming=1&outgoing=1&gw_id=G`
    const response = await fetch(`http://127.0.0.1:${listener.port}/auth/?${query}`)
    return response.text()
  }
  t.equal(await ask(text), 'Auth: 1')

  // Tokens in the right form, of which only the last characters are wrong.
  const guess = (index: number) => text.slice(0, -5) + index.toString(36).padStart(5, '0')
  let answered = 0
  let admitted = 0
  const attack = async (first: number, count: number) => {
    const socket = connect(listener.port, '127.0.0.1')
    socket.setEncoding('latin1')
    await once(socket, 'connect')
    for (let index = first; index < first + count; index++) {
      const token = guess(index)
      const query = `stage=counters&ip=10.0.0.7&mac=${MAC}&token=${token === text ? 'x' : token}&incoming=1&outgoing=1&gw_id=G`
      socket.write(`GET /auth/?${query} HTTP/1.1\r\nHost: a\r\n\r\n`)
      let answer = ''
      while (!/Auth: -?\d/.test(answer)) {
        const [chunk] = (await once(socket, 'data')) as [string]
        answer += chunk
      }
      answered++
      if (!answer.endsWith('Auth: 0')) admitted++
    }
    socket.destroy()
  }
  let over = false
  const attacks = Promise.all(
    Array.from({ length: CONNECTIONS }, (_, index) => attack((index * GUESSES) / CONNECTIONS, GUESSES / CONNECTIONS)),
  ).finally(() => (over = true))
  let asked = 0
  let refused = 0
  while (!over) {
    asked++
    if ((await ask(text)) !== 'Auth: 1') refused++
  }
  await attacks
  t.equal(answered, GUESSES)
  t.equal(admitted, 0, 'none was good')
  t.ok(asked > 10, `the one who has a token asked ${asked} times meanwhile`)
  t.equal(refused, 0, 'and got the same answer as always')
  await app.records.flush()
  const rows = log.batches.filter(({ stream }) => stream === 'gateway_auth')
  t.equal(
    rows.reduce((sum, { recordCount }) => sum + recordCount, 0),
    GUESSES + asked + 1,
    'each is on record',
  )
  t.match(
    access.written.map(([subject]) => subject),
    [`used:${own.sessionId}`],
    'and nothing was decided because of them: only the first use of the good one is on record',
  )
})
