import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { packageFile } from '../../../common/package-root.ts'
import { findCommand } from '../../../test/helpers/commands.ts'
import { listSessions } from '../../sessions.ts'
import { openEngine } from '../../test/engine.ts'
import { startDashboard } from '../server.ts'
import { fillBelievably } from './believable.ts'
import { openBrowser, PAGES } from './browser.ts'

/* Makes docs/screenshots/ (`make screenshots`): every page over generated data, and some of them dark or on a phone. */

const directory = packageFile('docs/screenshots')
mkdirSync(directory, { recursive: true })
const work = mkdtempSync(join(tmpdir(), 'gatepost-screenshots-'))
const store = await openEngine(work)
const chromium = findCommand('chromium')
if (chromium === null) throw new Error('chromium is not installed (Debian package chromium)')
const browser = await openBrowser(chromium)
await fillBelievably(store)
const dashboard = await startDashboard({
  store,
  host: '127.0.0.1',
  port: 0,
  allowedHosts: [],
  trustedProxies: [],
  password: undefined,
  viewerPassword: undefined,
  retentionDays: 32,
  lag: () => ['gateway_auth', 'gateway_pings', 'post_auth'].map((topic) => ({ topic, bytes: 18_432, seconds: 0.4 })),
  cutOff: () => Promise.resolve(),
  logger: pino({ level: 'warn' }),
})
const [session] = await listSessions(store, { active: true, limit: 1 })
const pages = { ...PAGES, session: `/sessions/${session.session_id}` }
const looks = [
  { suffix: '', names: Object.keys(pages), width: 1280, colorScheme: 'light' },
  { suffix: '-dark', names: ['overview', 'sites'], width: 1280, colorScheme: 'dark' },
  { suffix: '-phone', names: ['overview', 'gateways'], width: 390, colorScheme: 'light' },
] as const
for (const { suffix, names, width, colorScheme } of looks) {
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    colorScheme,
    timezoneId: 'Europe/Berlin',
  })
  const page = await context.newPage()
  for (const name of names as (keyof typeof pages)[]) {
    await page.goto(`http://127.0.0.1:${dashboard.port}${pages[name]}`)
    await page.waitForSelector('body[data-shown]', { timeout: 60_000 })
    await page.waitForTimeout(300)
    const height = await page.evaluate<number>('document.documentElement.scrollHeight')
    // As much as a reader of the documentation wants to see.
    const clip = { x: 0, y: 0, width, height: Math.min(height, width > 1000 ? 1100 : 1300) }
    await page.screenshot({ path: join(directory, `${name}${suffix}.png`), fullPage: true, clip })
    process.stdout.write(`docs/screenshots/${name}${suffix}.png\n`)
  }
  await context.close()
}
await browser.close()
await dashboard.close()
await store.close()
rmSync(work, { recursive: true, force: true })
process.exit(0)
