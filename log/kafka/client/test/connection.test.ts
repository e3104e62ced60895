import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { pino } from 'pino'
import t from 'tap'
import { until } from '../../../../test/helpers/until.ts'
import { createKafka, endClient } from '../connection.ts'

/*
 * Symptom this guards against: test files, and processes, that never end, since kafkajs had not finished a disconnect and kept its sockets.
 */
t.test('a client that does not finish disconnecting leaves no socket open, nor opens one later', async (t) => {
  const accepted: Socket[] = []
  const closed = new Set<Socket>()
  // A broker that accepts connections and never answers.
  const broker = createServer((socket) => {
    accepted.push(socket.resume())
    socket.once('close', () => closed.add(socket)).on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(broker, 'listening')
  t.teardown(() => broker.close())
  const brokers = [`127.0.0.1:${(broker.address() as AddressInfo).port}`]
  const logger = pino({ level: 'silent' })
  const kafka = createKafka({ brokers, clientId: 'test', tls: null, sasl: null, logger })
  const admin = kafka.admin()
  const connecting = t.rejects(admin.connect())
  t.ok(await until(() => accepted.length === 1))
  await endClient(kafka, { disconnect: () => new Promise(() => {}) }, 50)
  t.ok(await until(() => closed.size === 1), 'its socket is closed')
  await connecting
  await t.rejects(kafka.admin().connect())
  t.ok(await until(() => closed.size === accepted.length), 'nothing stays open')
})
