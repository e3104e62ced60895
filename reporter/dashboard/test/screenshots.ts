import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageFile } from '../../../common/package-root.ts'
import { findCommand } from '../../../test/helpers/commands.ts'
import { Instance } from '../../../test/helpers/instance.ts'
import { openBrowser, PAGES } from './browser.ts'

/*
 * Writes docs/screenshots/ (`make screenshots`): every page over a demo, and some of them dark or on a phone. With an address, such as
 * http://127.0.0.1:3000, it uses the dashboard at that address.
 */

const directory = packageFile('docs/screenshots')
mkdirSync(directory, { recursive: true })
const chromium = findCommand('chromium')
if (chromium === null) throw new Error('chromium is not installed (Debian package chromium)')
const work = mkdtempSync(join(tmpdir(), 'gatepost-screenshots-'))
const demo = process.argv[2] === undefined ? await fillDemo() : null
const address = process.argv[2] ?? `http://127.0.0.1:${demo?.dashboardPort}`
const browser = await openBrowser(chromium)
// A session that has been online for a while.
const sessions = (await (await fetch(`${address}/api/sessions?active=1&limit=100`)).json()) as {
  session_id: string
  reports: number
}[]
const session = sessions.reduce((longest, other) => (other.reports > longest.reports ? other : longest))
// A user who was refused more often than others.
const refused = (await (await fetch(`${address}/api/logins?failed=1&days=2&limit=1000`)).json()) as {
  logins: { username: string }[]
}
const counts = new Map<string, number>()
for (const { username } of refused.logins) if (username !== '') counts.set(username, (counts.get(username) ?? 0) + 1)
const [[user]] = [...counts].sort(([, one], [, other]) => other - one)
const pages = {
  ...PAGES,
  logins: `/logins?user=${user}`,
  session: `/sessions/${session.session_id}`,
  forget: `/forget#user=${user}`,
}
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
    await page.goto(`${address}${pages[name]}`)
    await page.waitForSelector('body[data-shown]', { timeout: 60_000 })
    if (name === 'forget') {
      await page.click('button.main')
      await page.waitForSelector('#found button', { timeout: 60_000 })
    }
    await page.waitForTimeout(300)
    const height = await page.evaluate<number>('document.documentElement.scrollHeight')
    // Only as much as the documentation needs.
    const clip = { x: 0, y: 0, width, height: Math.min(height, width > 1000 ? 1100 : 1300) }
    await page.screenshot({ path: join(directory, `${name}${suffix}.png`), fullPage: true, clip })
    process.stdout.write(`docs/screenshots/${name}${suffix}.png\n`)
  }
  await context.close()
}
await browser.close()
await demo?.stop()
rmSync(work, { recursive: true, force: true })
/** A demo, some minutes of real time after its start: the live charts show these minutes. */
async function fillDemo(): Promise<Instance> {
  const instance = await Instance.create(join(work, 'demo'), {}, { command: 'demo' })
  await instance.start()
  while (!instance.output.includes('The dashboard: ')) await sleep(500)
  await sleep(5000)
  return instance
}
