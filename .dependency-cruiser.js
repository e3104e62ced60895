/*
 * The rooms, from the floor up, and what each may import beside itself. `make lint` checks it in all files, `import type` included: a type
 * that is imported upwards binds two rooms as much as a function does. docs/contributing.md says what each room holds.
 */
const FLOOR = ['common', 'schemas', 'log', 'store', 'access', 'privacy']
const STAGES = ['ingest', 'aggregator', 'jobs', 'reporter']
const ROOMS = {
  common: [],
  schemas: ['common'],
  log: ['common', 'schemas'],
  store: ['common', 'schemas'],
  'sql-endpoint': ['common', 'store'],
  access: ['common', 'schemas', 'log', 'store'],
  privacy: ['common', 'schemas', 'log', 'store', 'access'],
  ingest: FLOOR,
  portal: [...FLOOR, 'ingest'],
  aggregator: FLOOR,
  jobs: FLOOR,
  reporter: FLOOR,
  runtime: [...FLOOR, 'sql-endpoint', ...STAGES, 'portal'],
  demo: [...FLOOR, ...STAGES, 'portal', 'runtime'],
  cli: [...FLOOR, ...STAGES, 'portal', 'runtime', 'demo'],
}
/** Nothing imports these, but each other. */
const ABOVE_ALL = ['bench', 'test']

/** What the tests of a room stand on beside that. */
const ROOMS_OF_TESTS = {
  // Sessions must come out the same however the pipeline delivers their reports.
  jobs: ['aggregator'],
}

/** Files that may import kafkajs, and those of them whose exports have its types. */
const KAFKAJS_IN = '^log/kafka/client/((admin|connection|group|producer|topic-settings)[.]ts$|test/)'
const KAFKAJS_EXPORTED = '^log/kafka/client/(connection|topic-settings)[.]ts$'
/** Files that may import prom-client. */
const PROM_CLIENT_IN = '(^|/)metrics[.]ts$'

const IN_TEST = '(^|/)test/'
const under = (rooms) => `^(${rooms.join('|')})/`
const except = (rooms) => [...Object.keys(ROOMS), ...ABOVE_ALL].filter((room) => !rooms.includes(room))

const directions = Object.entries(ROOMS).flatMap(([room, allowed]) => {
  const reachable = [room, ...allowed]
  return [
    {
      name: `${room}-imports`,
      comment: `${room}/ imports only ${reachable.join(', ')}. Move what both need to a room below, or hand it in.`,
      severity: 'error',
      from: { path: under([room]), pathNot: IN_TEST },
      to: { path: under(except(reachable)) },
    },
    {
      name: `${room}-tests-import`,
      comment: `Tests of ${room}/ stand on what ${room}/ stands on. A test of several rooms belongs in test/.`,
      severity: 'error',
      from: { path: `^${room}/.*\\btest/` },
      to: { path: under(except([...reachable, ...(ROOMS_OF_TESTS[room] ?? [])])), pathNot: IN_TEST },
    },
  ]
})

export default {
  forbidden: [
    ...directions,
    {
      name: 'room-without-a-row',
      comment: 'A new folder needs a row in ROOMS, and one in docs/contributing.md.',
      severity: 'error',
      from: { path: '^[^/]+/', pathNot: under([...Object.keys(ROOMS), ...ABOVE_ALL, 'node_modules']) },
      to: {},
    },
    {
      name: 'no-circles',
      comment:
        'Files in a circle can only be understood, tested and moved together. Move what both need to a third file.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'kafkajs',
      comment:
        'Few files in log/kafka/client know kafkajs: its traps are handled there, and another client replaces them.',
      severity: 'error',
      from: { pathNot: KAFKAJS_IN },
      to: { path: 'node_modules/kafkajs/' },
    },
    {
      name: 'kafkajs-types',
      comment: 'What leaves log/kafka/client are our types (port.ts): nothing outside depends on those of kafkajs.',
      severity: 'error',
      from: { pathNot: '^log/kafka/client/' },
      to: { path: KAFKAJS_EXPORTED },
    },
    {
      name: 'prom-client',
      comment:
        'Count in plain fields, and copy them into prom-client in a metrics.ts file: a metric costs more than a record.',
      severity: 'error',
      from: { pathNot: PROM_CLIENT_IN },
      to: { path: 'node_modules/prom-client/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
