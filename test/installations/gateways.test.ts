import { execFile, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { until } from '../helpers/until.ts'
import { packageFile } from '../../common/package-root.ts'
import { requireCommand } from '../helpers/commands.ts'
import { freePorts, Instance } from '../helpers/instance.ts'

/* The bytes that a real gateway sent, HTTP/1.0 from ab, and both through nginx. */

const run = promisify(execFile)
const capture = (name: string, gateway = 'wifidog-gateway-1.3.0') =>
  readFileSync(packageFile(`test/fixtures/${gateway}/${name}.http`))

/** Sends bytes on a new connection and reads until end of file, as a gateway does. */
function exchange(port: number, bytes: Buffer | string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let answer = ''
    socket.setTimeout(10_000, () => socket.destroy(new Error(`the server did not close; so far: ${answer}`)))
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
    socket.once('error', reject)
    socket.once('close', () => resolve(answer))
  })
}

t.test('gateways', async (t) => {
  const directory = t.testdir({ data: {} })
  const instance = await Instance.create(join(directory, 'data'), {
    GATEPOST_AUTH_MODE: 'open',
    GATEPOST_TRUSTED_PROXIES: '127.0.0.1',
    GATEPOST_INGEST_LISTENERS: 'bulk,gateway',
  })
  t.teardown(() => instance.destroy())
  await instance.start()

  const answered = (t: Test, answer: string, word: string, kept = true) => {
    const [head, body] = answer.split('\r\n\r\n')
    t.match(head, /^HTTP\/1\.[01] 200 OK/)
    t.match(head, /connection: close/i)
    if (kept) t.match(head, /x-gatepost-record: kept/i)
    // The gateway looks for its word anywhere in the response.
    t.notMatch(head, /Pong|Auth: /)
    t.equal(body, word)
  }

  await t.test('the requests of WiFiDog 1.3.0, byte for byte', async (t) => {
    const { gatewayPort } = instance
    answered(t, await exchange(gatewayPort, capture('ping')), 'Pong')
    answered(t, await exchange(gatewayPort, capture('auth-login')), 'Auth: 1')
    answered(t, await exchange(gatewayPort, capture('auth-counters')), 'Auth: 1')
    answered(t, await exchange(gatewayPort, capture('auth-logout')), 'Auth: 0')
    const pings = await instance.queryUntil<Record<string, unknown>>(
      'SELECT * EXCEPT (received_at, batch_id, batch_index) FROM gateway_pings',
      (rows) => rows.length > 0,
    )
    t.same(pings, [
      {
        gw_id: '001217DA42D2',
        sys_uptime: 1499,
        sys_memfree: 20735100,
        sys_load: 0.01,
        wifidog_uptime: 0,
        remote_ip: '127.0.0.1',
        user_agent: 'WiFiDog 1.3.0',
        trusted: 1,
        extra: {},
        source: '',
        device_id: '',
      },
    ])
    const auth = await instance.queryUntil<Record<string, unknown>>(
      'SELECT stage, gw_id, ip, mac, incoming, outgoing, incoming_delta, auth_code, own, user_agent, extra FROM gateway_auth ORDER BY received_at',
      (rows) => rows.length >= 3,
    )
    const common = {
      gw_id: '001217DA42D2',
      ip: '192.168.77.10',
      mac: 'AE-41-77-80-76-90',
      incoming_delta: null,
      own: 1,
      user_agent: 'WiFiDog 1.3.0',
      extra: {},
    }
    t.same(auth, [
      { ...common, stage: 'login', incoming: 0, outgoing: 0, auth_code: 1 },
      { ...common, stage: 'counters', incoming: 2138, outgoing: 312, auth_code: 1 },
      { ...common, stage: 'logout', incoming: 2082, outgoing: 260, auth_code: 0 },
    ])
    t.same(
      await instance.query(
        'SELECT uniqExact(session_id) AS sessions, countIf(position(session_id, {x:String}) > 0) AS leaked FROM gateway_auth'.replace(
          '{x:String}',
          "'abc123'",
        ),
      ),
      [{ sessions: 2, leaked: 0 }],
      'a session for each token, and no token in the table',
    )
  })

  await t.test('a gateway that sends its request in two halves, or asks for keep-alive', async (t) => {
    const bytes = capture('ping').toString('latin1')
    const halves = await new Promise<string>((resolve, reject) => {
      const socket = connect(instance.gatewayPort, '127.0.0.1', () => {
        socket.write(bytes.slice(0, 40))
        setTimeout(() => socket.write(bytes.slice(40)), 50)
      })
      let answer = ''
      socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
      socket.once('error', reject)
      socket.once('close', () => resolve(answer))
    })
    answered(t, halves, 'Pong')
    answered(
      t,
      await exchange(instance.gatewayPort, bytes.replace('\r\n\r\n', '\r\nConnection: keep-alive\r\n\r\n')),
      'Pong',
    )
  })

  await t.test('an incomplete heartbeat is answered with Pong, and makes a row if it names a gateway', async (t) => {
    const queries = [
      '',
      'gw_id=',
      'gw_id=x',
      'gw_id=x&sys_uptime=1&sys_memfree=2&sys_load=nan&wifidog_uptime=3',
      'gw_id=x&sys_uptime=-1&sys_memfree=2&sys_load=1&wifidog_uptime=3',
      '%',
      '&&&',
      'gw_id=%ff%00',
    ]
    for (const query of queries)
      answered(t, await exchange(instance.gatewayPort, `GET /ping/?${query} HTTP/1.0\r\n\r\n`), 'Pong')
    answered(
      t,
      await exchange(instance.gatewayPort, 'GET /auth/?stage=nonsense&token=s3cret HTTP/1.0\r\n\r\n'),
      'Auth: -1',
    )
    answered(
      t,
      await exchange(
        instance.gatewayPort,
        'GET /auth/?stage=counters&token=s3cret&incoming=-1&outgoing=x HTTP/1.0\r\n\r\n',
      ),
      'Auth: 1',
    )
    answered(t, await exchange(instance.gatewayPort, 'GET /auth/?stage=login HTTP/1.0\r\n\r\n'), 'Auth: 0')
    const letters = await instance.queryUntil<{ source: string; reason: string; payload: string }>(
      'SELECT source, reason, payload FROM dead_letters ORDER BY received_at, batch_index',
      (rows) => rows.length >= 8,
    )
    t.equal(letters.length, 8)
    t.same(
      letters.filter(({ source }) => source === 'ping').map(({ reason }) => reason),
      ['missing_gw_id', 'missing_gw_id', 'bad_number', 'bad_number', 'missing_gw_id', 'missing_gw_id'],
    )
    const numbers = { sys_uptime: null, sys_memfree: null, sys_load: null, wifidog_uptime: null, extra: {} }
    t.same(
      await instance.queryUntil(
        `SELECT gw_id, sys_uptime, sys_memfree, sys_load, wifidog_uptime, extra FROM gateway_pings
         WHERE gw_id != '001217DA42D2' ORDER BY received_at, batch_index`,
        (rows) => rows.length >= 4,
      ),
      [
        { gw_id: 'x', ...numbers },
        { gw_id: 'x', sys_uptime: 1, sys_memfree: 2, sys_load: null, wifidog_uptime: 3, extra: { sys_load: 'nan' } },
        { gw_id: 'x', sys_uptime: null, sys_memfree: 2, sys_load: 1, wifidog_uptime: 3, extra: { sys_uptime: '-1' } },
        { gw_id: '\ufffd\u0000', ...numbers },
      ],
    )
    t.same(
      letters
        .filter(({ source }) => source === 'auth')
        .map(({ reason }) => reason)
        .sort(),
      ['bad_telemetry', 'unknown_stage'],
    )
    t.notOk(JSON.stringify(letters).includes('s3cret'), 'no token is in a dead letter')
  })

  await t.test('targets without a query, on both listeners', async (t) => {
    // Symptom: the worker ended. Root cause: uWebSockets returns undefined for the query of a target without "?".
    for (const port of [instance.ingestPort, instance.gatewayPort]) {
      for (const path of ['/ping', '/ping/', '/wifidog/ping/index.php', '/auth', '/auth/', '/x/auth/index.php']) {
        const answer = await fetch(instance.url(path, port))
        t.equal(await answer.text(), path.includes('ping') ? 'Pong' : 'Auth: -1', path)
        t.equal(answer.headers.get('x-gatepost-record'), 'kept')
      }
    }
  })

  await t.test('a long query, and a User-Agent beyond ASCII, on both listeners', async (t) => {
    const query = 'sys_uptime=1&sys_memfree=2&sys_load=1&wifidog_uptime=3'
    for (const port of [instance.ingestPort, instance.gatewayPort]) {
      const long = await fetch(instance.url(`/ping?gw_id=long${port}&${query}&note=${'x'.repeat(9000)}`, port))
      t.equal(long.headers.get('x-gatepost-record'), 'kept')
      const head = 'HTTP/1.1\r\nHost: a\r\nUser-Agent: Café x\r\nConnection: close\r\n\r\n'
      t.match(await exchange(port, Buffer.from(`GET /ping?gw_id=agent${port}&${query} ${head}`)), /Pong$/)
    }
    const rows = await instance.queryUntil<{ agent: string }>(
      `SELECT user_agent AS agent FROM gateway_pings WHERE startsWith(gw_id, 'agent')`,
      (found) => found.length >= 2,
    )
    t.same(rows, [{ agent: 'Café x' }, { agent: 'Café x' }])
    const notes = await instance.queryUntil<{ n: number }>(
      `SELECT length(extra['note']) AS n FROM gateway_pings WHERE startsWith(gw_id, 'long')`,
      (found) => found.length >= 2,
    )
    t.same(notes, [{ n: 9000 }, { n: 9000 }])
  })

  await t.test('ab, HTTP/1.0', async (t) => {
    const ab = requireCommand(t, 'ab', 'apache2-utils')
    if (ab === null) return
    const url = instance.url(
      '/wifidog/ping/?gw_id=ab&sys_uptime=1&sys_memfree=2&sys_load=0.03&wifidog_uptime=4',
      instance.gatewayPort,
    )
    const { stdout } = await run(ab, ['-n', '2000', '-c', '20', url])
    t.match(stdout, /Complete requests:\s+2000/)
    t.match(stdout, /Failed requests:\s+0/)
    t.notMatch(stdout, /Non-2xx/)
    t.match(stdout, /Document Length:\s+4 bytes/)
    const rows = await instance.queryUntil<{ n: number }>(
      `SELECT toUInt32(count()) AS n FROM gateway_pings WHERE gw_id = 'ab'`,
      ([row]) => row.n >= 2000,
    )
    // ab sends one request more than it counts when its connections end at different times.
    t.ok(rows[0].n >= 2000 && rows[0].n <= 2020, `${rows[0].n} heartbeats stored`)
  })

  await t.test('through nginx to the bulk listener', async (t) => {
    const nginx = requireCommand(t, 'nginx', 'nginx-light')
    const ab = requireCommand(t, 'ab', 'apache2-utils')
    if (nginx === null || ab === null) return
    const [port] = await freePorts(1)
    const site = readFileSync(packageFile('deploy/nginx/gatepost.conf'), 'utf8')
      .replace('127.0.0.1:8080', `127.0.0.1:${instance.ingestPort}`)
      .replace('listen 80;', `listen 127.0.0.1:${port};`)
      .replace('\tlisten [::]:80;\n', '')
    writeFileSync(join(directory, 'site.conf'), site)
    writeFileSync(
      join(directory, 'nginx.conf'),
      `daemon off; pid ${directory}/nginx.pid; error_log stderr; events {}
       http { access_log off; client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
       fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s; include ${directory}/site.conf; }`,
    )
    const server = spawn('env', ['-u', 'NODE_OPTIONS', nginx, '-p', directory, '-c', join(directory, 'nginx.conf')], {
      stdio: 'inherit',
    })
    t.teardown(() => server.kill('SIGTERM'))
    await until(async () => (await exchange(port, 'GET /healthcheck HTTP/1.0\r\n\r\n')).endsWith('Healthy'))
    answered(t, await exchange(port, capture('ping')), 'Pong')
    answered(t, await exchange(port, capture('auth-counters')), 'Auth: 1')
    const body = '{"username":"viaNginx","authentication_result":"Access-Accept"}'
    const posted = await exchange(
      port,
      `POST /logging/post-auth HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    t.match(posted, /^HTTP\/1\.1 404/, 'a guest could reach it: RADIUS servers have a way of their own')
    const post = 'POST /auth/?stage=counters HTTP/1.1\r\nHost: a\r\nConnection: close\r\n'
    const report = 'f\r\n{"counters":[]}\r\n0\r\n\r\n'
    for (const lengths of [
      'Content-Length: 3\r\nContent-Length: 15\r\n',
      'Content-Length: 15\r\nTransfer-Encoding: chunked\r\n',
      'Transfer-Encoding: xchunked\r\n',
      'Transfer-Encoding: chunked, gzip\r\n',
    ]) {
      t.match(await exchange(port, `${post}${lengths}\r\n${report}`), /^HTTP\/1\.1 (400|501) /, lengths)
    }
    const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n${report}`
    for (const lines of [chunked, chunked.replace(report, report.replaceAll('\r\n', '\n'))]) {
      t.match(
        await exchange(port, lines),
        /^HTTP\/1\.1 200 [^]*\{"resp":\[\]\}$/,
        'read by nginx, passed on with its length',
      )
    }
    const spoofed = await exchange(
      port,
      'GET /ping?gw_id=spoof&sys_uptime=1&sys_memfree=2&sys_load=1&wifidog_uptime=3 HTTP/1.0\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n',
    )
    answered(t, spoofed, 'Pong')
    const { stdout } = await run(ab, [
      '-n',
      '2000',
      '-c',
      '20',
      `http://127.0.0.1:${port}/ping?gw_id=nginx&sys_uptime=1&sys_memfree=2&sys_load=0.03&wifidog_uptime=4`,
    ])
    t.match(stdout, /Failed requests:\s+0/)
    t.notMatch(stdout, /Non-2xx/)
    const [{ ip }] = await instance.queryUntil<{ ip: string }>(
      `SELECT remote_ip AS ip FROM gateway_pings WHERE gw_id = 'spoof'`,
      (rows) => rows.length > 0,
    )
    t.equal(ip, '127.0.0.1', 'the client’s own header is not trusted')
  })

  await t.test('X-Forwarded-For of a trusted proxy', async (t) => {
    for (const port of [instance.ingestPort, instance.gatewayPort]) {
      const response = await fetch(
        instance.url(`/ping?gw_id=proxied${port}&sys_uptime=1&sys_memfree=2&sys_load=1&wifidog_uptime=3`, port),
        { headers: { 'X-Forwarded-For': '198.51.100.1, 203.0.113.7:4711' } },
      )
      t.equal(response.headers.get('x-gatepost-record'), 'kept')
    }
    // A proxy that appends its own line: the client's line is not trusted.
    const lines = 'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.7\r\nConnection: close\r\n\r\n'
    for (const port of [instance.ingestPort, instance.gatewayPort]) {
      const target = `/ping?gw_id=two${port}&sys_uptime=1&sys_memfree=2&sys_load=1&wifidog_uptime=3`
      t.match(await exchange(port, `GET ${target} HTTP/1.1\r\nHost: a\r\n${lines}`), /Pong$/)
    }
    t.same(
      await instance.queryUntil(
        `SELECT remote_ip AS ip FROM gateway_pings WHERE startsWith(gw_id, 'two')`,
        (found) => found.length >= 2,
      ),
      [{ ip: '203.0.113.7' }, { ip: '203.0.113.7' }],
    )
    const rows = await instance.queryUntil<{ ip: string }>(
      `SELECT remote_ip AS ip FROM gateway_pings WHERE startsWith(gw_id, 'proxied')`,
      (found) => found.length >= 2,
    )
    t.same(rows, [{ ip: '203.0.113.7' }, { ip: '203.0.113.7' }])
  })

  await t.test('the requests of apfree-wifidog 9.07.2907, byte for byte', async (t) => {
    const sent = (name: string) => exchange(instance.gatewayPort, capture(name, 'apfree-9.07.2907'))
    answered(t, await sent('auth-login'), 'Auth: 1')
    // Without clients there is nothing to keep.
    answered(t, await sent('counters-v2-no-client'), '{"result":[{"gw_id":"5CC7D742A336","auth_op":[]}]}', false)
    // A machine's gateways become known to all workers with the access log.
    const known = await until(async () => {
      answered(t, await sent('ping'), 'Pong')
      const rows = await instance.query<{ n: number }>(
        `SELECT toUInt32(count()) AS n FROM gateway_pings WHERE device_id = 'AWDEV0001' AND gw_id = '5CC7D742A336'`,
      )
      return rows[0].n > 0
    })
    t.ok(known)
    answered(
      t,
      await sent('counters-v2-one-client'),
      '{"result":[{"gw_id":"5CC7D742A336","auth_op":[{"id":2,"auth_code":1}]}]}',
    )
    const reports = await instance.queryUntil<Record<string, unknown>>(
      `SELECT stage, gw_id, mac, incoming, outgoing, own, extra['ip6'] AS ip6 FROM gateway_auth
       WHERE device_id = 'AWDEV0001' ORDER BY received_at`,
      (rows) => rows.length >= 2,
    )
    const common = { gw_id: '5CC7D742A336', mac: 'AE-41-77-80-76-90', own: 1 }
    t.same(reports, [
      { ...common, stage: 'login', incoming: 0, outgoing: 0, ip6: '' },
      // The client had downloaded 2 MB.
      { ...common, stage: 'counters', incoming: 2004301, outgoing: 503743, ip6: 'N/A' },
    ])
    t.match(await instance.query(`SELECT gw_id, state FROM gateways WHERE gw_id IN ('5CC7D742A336', 'AWDEV0001')`), [
      { gw_id: '5CC7D742A336', state: 'up' },
    ])
  })

  await t.test('the same answers from both listeners', async (t) => {
    for (const port of [instance.ingestPort, instance.gatewayPort]) {
      const get = async (path: string, init?: RequestInit) => {
        const response = await fetch(instance.url(path, port), init)
        return [
          response.status,
          await response.text(),
          response.headers.get('x-gatepost-record'),
          response.headers.get('allow'),
        ]
      }
      t.same(await get('/healthcheck'), [200, 'Healthy', null, null])
      t.same(await get('/healthcheck', { method: 'HEAD' }), [200, '', null, null])
      t.same(await get('/'), [200, '{"status":"ok"}', null, null])
      t.same((await get('/nothing'))[0], 404)
      t.same((await get('/nothing', { method: 'POST', body: 'x' }))[0], 404)
      const [status, , , allow] = await get('/ping', { method: 'POST', body: 'x' })
      t.same([status, allow], [405, 'GET'])
      t.same((await get('/logging/post-auth'))[3], 'POST')
      t.same(
        (
          await get('/logging/post-auth', { method: 'POST', body: `{"username":"${'x'.repeat(70_000)}"}` }).catch(
            () => [413],
          )
        )[0],
        413,
      )
      t.same(await get('/logging/post-auth', { method: 'POST', body: '[]' }), [
        400,
        '{"error":"body: not an object","field":"body"}',
        'kept',
        null,
      ])
      t.same(await get('/logging/post-auth', { method: 'POST', body: '{"username":"x"}' }), [
        400,
        '{"error":"authentication_result is missing","field":"authentication_result"}',
        'kept',
        null,
      ])
      t.same((await get('/logging/post-auth', { method: 'POST', body: '' }))[0], 400)
      const big = `{"username":"big","authentication_result":"Access-Accept","authentication_reply":"${'é'.repeat(30_000)}"}`
      t.same((await get('/prefix/logging/post-auth/', { method: 'POST', body: big })).slice(0, 3), [204, '', 'kept'])
    }
    const curl = requireCommand(t, 'curl', 'curl')
    if (curl === null) return
    for (const port of [instance.ingestPort, instance.gatewayPort]) {
      const { stdout } = await run(curl, [
        '-si',
        '-H',
        'Expect: 100-continue',
        '-H',
        'Transfer-Encoding: chunked',
        '-d',
        '{"username":"chunky","authentication_result":"Access-Reject"}',
        instance.url('/logging/post-auth', port),
      ])
      t.match(stdout, /HTTP\/1\.1 100 Continue[^]*HTTP\/1\.1 204/)
    }
  })
})

t.test('in signed mode a token of another system is denied', async (t) => {
  const instance = await Instance.create(t.testdir())
  t.teardown(() => instance.destroy())
  await instance.start()
  for (const [name, word] of [
    ['auth-login', 'Auth: 0'],
    ['auth-counters', 'Auth: 0'],
    ['auth-logout', 'Auth: 0'],
    ['ping', 'Pong'],
  ]) {
    t.equal((await exchange(instance.gatewayPort, capture(name))).split('\r\n\r\n')[1], word)
  }
  const rows = await instance.queryUntil<{ own: number; session_id: string }>(
    'SELECT own, session_id FROM gateway_auth',
    (found) => found.length >= 3,
  )
  t.same(rows, new Array(3).fill({ own: 0, session_id: '' }))
})
