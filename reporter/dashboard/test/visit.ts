import { pino } from 'pino'
import type { Test } from 'tap'
import type { Browser, Page } from 'playwright-core'
import { requireCommand } from '../../../test/helpers/commands.ts'
import { NEVER_MS } from '../../../test/helpers/until.ts'
import { listSessions } from '../../queries/sessions.ts'
import { openEngine } from '../../test/engine.ts'
import type { DashboardOptions } from '../options.ts'
import { startDashboard } from '../server.ts'
import { beat } from './believable.ts'
import { openBrowser, PAGES } from './browser.ts'
import { USUAL } from './usual-options.ts'

/** How a page is looked at: the colours; or the size of a screen, on which no table may be cut off. */
export interface Look {
  readonly colorScheme?: 'light' | 'dark'
  readonly viewport?: { readonly width: number; readonly height: number }
}

/** Dashboards over one real engine, without data at first, and a headless Chromium that visits them; null if there is none. */
export async function visitDashboard(t: Test) {
  const store = await openEngine(t.testdir())
  t.teardown(() => store.close())
  const chromium = requireCommand(t, 'chromium', 'chromium')
  if (chromium === null) return null
  const browser = await openBrowser(chromium)
  t.teardown(() => browser.close())
  const decided: string[] = []
  const replayed: (string | null)[] = []
  const forgotten: string[] = []
  const freed: string[] = []
  /** What the dashboard logged: an error on a page does not say why. */
  const logged: string[] = []
  const logger = pino({ level: 'warn' }, { write: (line: string) => logged.push(line) })
  t.teardown(() => t.passing() || process.stderr.write(logged.join('')))

  const start = async (options: Partial<DashboardOptions> = {}) => {
    const dashboard = await startDashboard({
      store,
      ...USUAL,
      lag: () => [],
      listeners: { gateway: 'http://127.0.0.1:18000', ingest: 'http://127.0.0.1:18080' },
      cutOff: (id) => {
        decided.push(id)
        return Promise.resolve()
      },
      vouchers: {
        create: ({ count }) =>
          Promise.resolve(
            Array.from({ length: count }, (_, index) => ({
              id: 'a'.repeat(24),
              code: `7GQ2-M0XK-${String(index).padStart(4, '0')}`,
            })),
          ),
        list: () =>
          Promise.resolve([
            {
              id: 'b'.repeat(24),
              label: 'fair',
              state: freed.length === 0 ? 'in_use' : 'over',
              validForMs: 86_400_000,
              maxDevices: 2,
              devices: freed.length === 0 ? 1 : 0,
              sessionMs: null,
              quotaBytes: null,
              wins: 'first',
              createdAt: 1_709_208_000_000,
              firstUsed: null,
              ends: null,
            },
          ]),
        release: (id) => {
          freed.push(id)
          return Promise.resolve(1)
        },
      },
      replayLetter: (_letter, payload) => {
        replayed.push(payload)
        return Promise.resolve({ table: 'post_auth', received_at: '2024-02-29 12:00:00.000', rows: 1 })
      },
      forgetter: {
        hash: () => 'a-hash',
        forget: ({ kind, value }, dryRun) => {
          forgotten.push(`${kind} ${value}${dryRun ? ' (counted)' : ''}`)
          return Promise.resolve({
            dry_run: dryRun,
            tables: { post_auth: 7, gateway_auth: 0 },
            access_control: 1,
            archive: { segments: 0, records: 0 },
            remains: ['in files of the tables'],
          })
        },
      },
      logger,
      ...options,
    })
    return { base: `http://127.0.0.1:${dashboard.port}`, close: () => dashboard.close() }
  }

  /** A page that records its errors, violations of the content security policy included. */
  const opened = async (options: Parameters<Browser['newContext']>[0] = {}) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
    context.setDefaultTimeout(NEVER_MS)
    const page = await context.newPage()
    const wrong: string[] = []
    page.on('pageerror', (error) => wrong.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') wrong.push(message.text())
    })
    return { page, wrong }
  }

  /** Every page, or those that are named, with data: it shows what it should, fits, and names everything. */
  const walk = async (t: Test, look: Look, only?: readonly string[]) => {
    const { base, close } = await start()
    t.teardown(close)
    const [session] = await listSessions(store, { active: true, limit: 1 })
    const pages = { ...PAGES, session: `/sessions/${session.session_id}` }
    const expected: Record<keyof typeof pages, RegExp> = {
      overview: /Gateways up\s+16/,
      usage: /traffic/,
      'usage-metric': /Export CSV/,
      sites: /Town hall/,
      logins: /Account u00007/,
      gateways: /18 gateways/,
      sessions: /active/,
      'data-health': /LOG_FULL[^]*number_invalid|number_invalid[^]*LOG_FULL/,
      forget: /Count first/,
      vouchers: /fair/,
      session: /counters reports until/,
    }
    const { page, wrong } = await opened(look)
    for (const [name, path] of Object.entries(pages)) {
      if (only !== undefined && !only.includes(name)) continue
      await beat(store)
      const text = await show(page, base + path)
      t.match(text, expected[name as keyof typeof pages], name)
      t.same(await page.locator('[role=alert]').allInnerTexts(), [], `${name} shows no error`)
      const wider = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
      t.ok(wider <= 0, `${name} fits (${wider})`)
      const unnamed = await page.evaluate<number>(
        `[...document.querySelectorAll('a, button, input, select, svg[role=img]')].filter((one) =>
           !(one.textContent.trim() || one.getAttribute('aria-label') || one.labels?.[0]?.textContent.trim())).length`,
      )
      t.equal(unnamed, 0, `${name}: everything has a name`)
      if (look.viewport === undefined) continue
      const cut = await page.evaluate<number>(
        `[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth + 1).length`,
      )
      t.equal(cut, 0, `${name}: no table is cut off`)
    }
    t.same(wrong, [])
    await page.context().close()
  }

  return { store, start, opened, walk, decided, replayed, forgotten, freed }
}

export async function show(page: Page, url: string): Promise<string> {
  await page.goto(url)
  await page.waitForSelector('body[data-shown]')
  return page.innerText('main')
}
