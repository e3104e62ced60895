import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { readSource } from '../fetch.ts'

/** A server for one test. */
async function serving(t: { teardown(work: () => void): void }, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/locations`
}

t.test('a file', async (t) => {
  const directory = t.testdir({ ok: 'ip,location_id\n', latin1: Buffer.from([0x45, 0xe9]) })
  t.equal(await readSource(join(directory, 'ok')), 'ip,location_id\n')
  await t.rejects(readSource(join(directory, 'ok'), 5), { code: 'INPUT_INVALID', message: /larger than 5 bytes/ })
  await t.rejects(readSource(join(directory, 'latin1')), { code: 'INPUT_INVALID', message: /not UTF-8/ })
  await t.rejects(readSource(join(directory, 'missing')), { code: 'INPUT_INVALID', message: /cannot read/ })
  await t.rejects(readSource(directory), { code: 'INPUT_INVALID', message: /cannot read/ })
})

t.test('a URL, with credentials or without', async (t) => {
  const url = await serving(t, ({ headers }, response) => response.end(headers.authorization ?? 'nobody'))
  t.equal(await readSource(url), 'nobody')
  const credentials = Buffer.from('us:er').toString('base64')
  t.equal(await readSource(url.replace('//', '//us:er@')), `Basic ${credentials}`)
})

t.test('answers that are errors', async (t) => {
  const url = await serving(t, ({ url }, response) => {
    response.statusCode = Number(url?.split('?')[1])
    response.end('[]')
  })
  await t.rejects(readSource(`${url}?404`.replace('//', '//u:hunter2@')), {
    code: 'INPUT_INVALID',
    message: `${url}?404 answers 404 Not Found`,
  })
  const failure = readSource(`${url}?503`)
  await t.rejects(failure, { message: /answers 503/ })
  t.notOk('code' in ((await failure.catch((error: unknown) => error)) as object), 'may be tried again')
})

t.test('a download that breaks off, is too large or takes too long', async (t) => {
  const broken = await serving(t, (_, response) => {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('ip,location_id\n')
    setTimeout(() => response.destroy(), 20)
  })
  await t.rejects(readSource(broken), { message: /cannot download/ })
  const endless = await serving(t, (_, response) => {
    const write = () => {
      while (response.write('x'.repeat(1000)));
    }
    response.on('drain', write)
    write()
  })
  await t.rejects(readSource(endless, 10_000), { code: 'INPUT_INVALID', message: /larger than 10000 bytes/ })
  const silent = await serving(t, () => {})
  await t.rejects(readSource(silent, 10_000, 50), { message: /cannot download/ })
  await t.rejects(readSource('http://['), { code: 'INPUT_INVALID' })
})
