import { readFileSync } from 'node:fs'
import t from 'tap'
import { packageFile } from '../common/package-root.ts'

/*
 * The configuration of ClickHouse Keeper, which runs in Docker only: every setting is one that Keeper reads, since it ignores others in silence, and the
 * addresses are those of the servers' configuration and of the compose file.
 */

/**
 * Settings of the sample file (programs/keeper/keeper_config.xml), of the page on Keeper's settings, and of coordination
 * (src/Coordination/CoordinationSettings.cpp), with what their values look like.
 */
const NUMBER = /^\d+$/
const LEVEL = /^(none|fatal|critical|error|warning|notice|information|debug|trace)$/
const PATH = /^\/[\w/-]+$/
const SETTINGS: Readonly<Record<string, RegExp>> = {
  listen_host: /^[\d.:]+$/,
  'logger.level': LEVEL,
  'logger.console': /^(true|false|0|1)$/,
  'keeper_server.tcp_port': NUMBER,
  'keeper_server.server_id': /^from KEEPER_ID$/,
  'keeper_server.log_storage_path': PATH,
  'keeper_server.snapshot_storage_path': PATH,
  'keeper_server.coordination_settings.operation_timeout_ms': NUMBER,
  'keeper_server.coordination_settings.session_timeout_ms': NUMBER,
  'keeper_server.coordination_settings.raft_logs_level': LEVEL,
  'keeper_server.raft_configuration.server.id': NUMBER,
  'keeper_server.raft_configuration.server.hostname': /^[a-z0-9-]+$/,
  'keeper_server.raft_configuration.server.port': NUMBER,
  'keeper_server.http_control.port': NUMBER,
  'keeper_server.http_control.readiness.endpoint': PATH,
}

/** The texts of a file by the path of their elements. An element that takes its value from the environment: `from NAME`. */
function settingsOf(file: string): { path: string; value: string }[] {
  const text = readFileSync(packageFile(file), 'utf8').replaceAll(/<!--[^]*?-->/g, '')
  const open: string[] = []
  const found: { path: string; value: string }[] = []
  for (const [, close, name = '', from, empty, value = ''] of text.matchAll(
    /<(\/?)(\w+)(?: from_env="(\w+)")?(\/?)>([^<]*)/g,
  )) {
    if (close !== '') t.equal(open.pop(), name, `${file}: </${name}>`)
    else open.push(name)
    const path = open.slice(1).join('.')
    if (from !== undefined) found.push({ path, value: `from ${from}` })
    else if (close === '' && value.trim() !== '') found.push({ path, value: value.trim() })
    if (empty !== '') open.pop()
  }
  t.same(open, [], `${file} is closed`)
  return found
}

const keeper = settingsOf('deploy/clickhouse/keeper/keeper.xml')
const servers = settingsOf('deploy/clickhouse/config.d/gatepost.xml')
const compose = readFileSync(packageFile('deploy/clickhouse/compose.yaml'), 'utf8')
const all = (settings: typeof keeper, path: string) =>
  settings.filter((setting) => setting.path === path).map(({ value }) => value)

t.test('every setting is one that Keeper reads', (t) => {
  for (const { path, value } of keeper) t.match(value, SETTINGS[path] ?? 'a setting that is not known', path)
  t.same([...new Set(keeper.map(({ path }) => path))].sort(), Object.keys(SETTINGS).sort(), 'and none is left out')
  t.end()
})

t.test('the servers and the compose file know the same Keepers', (t) => {
  const hosts = all(keeper, 'keeper_server.raft_configuration.server.hostname')
  const ids = all(keeper, 'keeper_server.raft_configuration.server.id')
  t.same(hosts, all(servers, 'zookeeper.node.host'))
  t.same(new Set(all(servers, 'zookeeper.node.port')), new Set(all(keeper, 'keeper_server.tcp_port')))
  for (const [index, host] of hosts.entries())
    t.match(
      compose,
      new RegExp(`\\n  ${host}:\\n    <<: \\*keeper\\n    environment: \\{ KEEPER_ID: '${ids[index]}' \\}`),
    )
  const [port] = all(keeper, 'keeper_server.http_control.port')
  const [ready] = all(keeper, 'keeper_server.http_control.readiness.endpoint')
  t.match(compose, `http://127.0.0.1:${port}${ready}'`, 'the health check')
  for (const path of ['log', 'snapshot'])
    t.match(all(keeper, `keeper_server.${path}_storage_path`)[0], /^\/var\/lib\/clickhouse-keeper\//, 'on the volume')
  t.end()
})
