import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface SaslUser {
  readonly username: string
  readonly password: string
}

/** The settings of a test's cluster. */
export interface KafkaSettings {
  readonly brokers: 1 | 3
  /** Clients log in as this user, with PLAIN or SCRAM; connections between brokers need no login. */
  readonly sasl?: SaslUser
  /** Clients use TLS; the authority that signed the brokers' certificate is `KafkaCluster.ca`. */
  readonly tls?: boolean
  /** More lines of server.properties, such as { 'message.max.bytes': '1048588' }. */
  readonly properties?: Readonly<Record<string, string>>
}

/** The ports of one broker. */
export interface BrokerPorts {
  readonly client: number
  readonly internal: number
  readonly controller: number
}

/** server.properties of one broker: small, quick to fail over, and with the production's safety settings. */
export function serverProperties(
  settings: KafkaSettings,
  nodeId: number,
  ports: readonly BrokerPorts[],
  directory: string,
): string {
  const { client, internal, controller } = ports[nodeId]
  const copies = String(Math.min(3, settings.brokers))
  const listeners = `CLIENT://127.0.0.1:${client},INTERNAL://127.0.0.1:${internal}`
  const protocol = `${settings.sasl ? 'SASL_' : ''}${settings.tls ? 'SSL' : 'PLAINTEXT'}`
  const properties: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': String(nodeId),
    'controller.quorum.voters': ports.map((port, id) => `${id}@127.0.0.1:${port.controller}`).join(','),
    listeners: `${listeners},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': listeners,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'INTERNAL',
    'listener.security.protocol.map': `CLIENT:${protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    'log.dirs': join(directory, `broker-${nodeId}`),
    'auto.create.topics.enable': 'false',
    'unclean.leader.election.enable': 'false',
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': '3',
    'offsets.retention.minutes': '10080',
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': settings.brokers === 1 ? '1' : '2',
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'replica.lag.time.max.ms': '3000',
    'controller.quorum.election.timeout.ms': '1000',
    'controller.quorum.fetch.timeout.ms': '2000',
    'controlled.shutdown.enable': 'true',
    'num.network.threads': '2',
    'num.io.threads': '2',
    'num.recovery.threads.per.data.dir': '1',
    'log.cleaner.dedupe.buffer.size': String(8 * 2 ** 20),
    ...(settings.sasl ? saslProperties(settings.sasl) : {}),
    ...(settings.tls ? tlsProperties(directory) : {}),
    ...settings.properties,
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

function saslProperties({ username, password }: SaslUser): Record<string, string> {
  const listener = 'listener.name.client'
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule'
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule'
  return {
    [`${listener}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    [`${listener}.plain.sasl.jaas.config`]: `${plain} required user_${username}="${password}";`,
    [`${listener}.scram-sha-256.sasl.jaas.config`]: `${scram} required;`,
    [`${listener}.scram-sha-512.sasl.jaas.config`]: `${scram} required;`,
  }
}

/** Arguments for `StorageTool format`, which also creates the SCRAM users. */
export function scramArguments(settings: KafkaSettings): string[] {
  if (!settings.sasl) return []
  const { username, password } = settings.sasl
  return ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${username},password=${password}]`,
  ])
}

function tlsProperties(directory: string): Record<string, string> {
  return {
    'listener.name.client.ssl.keystore.type': 'PEM',
    'listener.name.client.ssl.keystore.location': join(directory, 'tls', 'broker.pem'),
    'listener.name.client.ssl.truststore.type': 'PEM',
    'listener.name.client.ssl.truststore.location': join(directory, 'tls', 'ca.crt'),
    'listener.name.client.ssl.client.auth': 'none',
  }
}

/** A certificate authority and a certificate for 127.0.0.1. @returns the path of the authority's certificate */
export function makeCertificates(clusterDirectory: string): string {
  const directory = join(clusterDirectory, 'tls')
  mkdirSync(directory, { recursive: true })
  const openssl = (...arguments_: string[]) =>
    execFileSync('openssl', arguments_, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
  const key = (name: string) => ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`]
  openssl('req', '-x509', ...key('ca'), '-out', 'ca.crt', '-subj', '/CN=Gatepost test CA', '-days', '2')
  openssl('req', ...key('broker'), '-out', 'broker.csr', '-subj', '/CN=broker')
  writeFileSync(join(directory, 'san'), 'subjectAltName=IP:127.0.0.1')
  const sign = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'san', '-days', '2']
  openssl('x509', '-req', '-in', 'broker.csr', '-out', 'broker.crt', ...sign)
  const read = (name: string) => readFileSync(join(directory, name), 'utf8')
  writeFileSync(join(directory, 'broker.pem'), read('broker.key') + read('broker.crt'))
  return join(directory, 'ca.crt')
}
