import { readFileSync } from 'node:fs'
import t from 'tap'
import { createLogger } from '../../common/logger.ts'
import { packageFile } from '../../common/package-root.ts'
import { openEmbeddedStore } from '../embedded/open.ts'
import { classifyEngineCode, SHORTAGES } from '../engine-errors.ts'

const logger = createLogger('store-test')
logger.level = 'silent'

t.test('the codes of shortages have the names that the engine gives them', async (t) => {
  const store = await openEmbeddedStore({ path: t.testdir() + '/store', logger })
  t.teardown(() => store.close())
  const source = readFileSync(packageFile('store/engine-errors.ts'), 'utf8')
  const named = new Map([...source.matchAll(/'(\d+)', \/\/ (\w+)/g)].map(([, code, name]) => [code, name]))
  t.same(new Set(named.keys()), SHORTAGES)
  for (const [code, name] of named) {
    const rows = await store.query('SELECT errorCodeToName({code:UInt32}) AS name', { code: Number(code) })
    t.same(rows, [{ name }])
  }
})

t.test('replicas and Keepers that are away are a shortage, which passes', (t) => {
  for (const code of ['225', '242', '285', '319', '999']) t.equal(classifyEngineCode(code), 'STORE_UNAVAILABLE', code)
  t.equal(classifyEngineCode(null), 'STORE_UNAVAILABLE')
  t.equal(classifyEngineCode('62'), 'STORE_REFUSED')
  t.end()
})
