import tseslint from 'typescript-eslint'

/** Imports that a folder must not make, and why: the dependencies of ARCHITECTURE.md point inward. */
const banImports = (patterns) => ({ 'no-restricted-imports': ['error', { patterns }] })
const promClient = {
  group: ['prom-client'],
  message: 'Count in plain fields; copy into prom-client only in a metrics.ts file.',
}
const kafkajs = {
  group: ['kafkajs'],
  message: 'kafkajs lives under log/kafka/client only: its traps are handled there.',
}
const stages = (...names) => ({
  group: names.flatMap((name) => [`**/${name}/**`]),
  message: 'Stages never import each other; log and store import no stage.',
})

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', '.tap/**', 'data/**', 'demo-data/**'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      eqeqeq: 'error',
      ...banImports([promClient, kafkajs]),
    },
  },
  { files: ['**/metrics.ts'], rules: banImports([kafkajs]) },
  {
    files: ['common/**', 'schemas/**'],
    rules: banImports([promClient, kafkajs, stages('ingest', 'aggregator', 'reporter', 'log', 'store', 'cli')]),
  },
  {
    files: ['log/**', 'store/**'],
    rules: banImports([promClient, kafkajs, stages('ingest', 'aggregator', 'reporter', 'cli')]),
  },
  {
    files: ['log/kafka/client/**'],
    rules: banImports([promClient, stages('ingest', 'aggregator', 'reporter', 'cli')]),
  },
  { files: ['ingest/**'], rules: banImports([promClient, kafkajs, stages('aggregator', 'reporter', 'cli')]) },
  { files: ['aggregator/**'], rules: banImports([promClient, kafkajs, stages('ingest', 'reporter', 'cli')]) },
  { files: ['reporter/**'], rules: banImports([promClient, kafkajs, stages('ingest', 'aggregator', 'cli')]) },
  { files: ['**/metrics.ts'], rules: { 'no-restricted-imports': 'off' } },
  // tap waits for its subtests itself: t.test(...) needs no await.
  { files: ['**/*.test.ts', '**/test/**'], rules: { '@typescript-eslint/no-floating-promises': 'off' } },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
)
