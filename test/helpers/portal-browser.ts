import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import type { Test } from 'tap'
import { NEVER_MS } from './until.ts'

/* How tests look at the portal's pages: as phones show them, without scripts, and without cookies where they say so. */

const LOOKS = [
  { name: 'phone', viewport: { width: 320, height: 568 } },
  { name: 'desktop', viewport: { width: 1280, height: 800 } },
] as const

/** @param executablePath null: there is no browser, and nothing of this is called */
export function portalBrowser(executablePath: string | null, screenshots: string) {
  mkdirSync(screenshots, { recursive: true })

  /** The page on small and large screens, light and dark. */
  async function look(t: Test, page: Page, name: string): Promise<void> {
    for (const { name: size, viewport } of LOOKS) {
      await page.setViewportSize(viewport)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        await page.screenshot({ path: join(screenshots, `${name}-${size}-${colorScheme}.png`), fullPage: true })
      }
      const width = await page.evaluate('document.documentElement.scrollWidth')
      t.ok((width as number) <= viewport.width, `${name} fits a ${size}`)
    }
    await page.setViewportSize(LOOKS[0].viewport)
  }

  /** Phones show portals in small windows that keep no cookies. */
  async function withoutCookies(t: Test): Promise<{ context: BrowserContext; page: Page }> {
    const profile = t.testdir({
      Default: { Preferences: JSON.stringify({ profile: { default_content_setting_values: { cookies: 2 } } }) },
    })
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: executablePath as string,
      args: ['--no-sandbox'],
      locale: 'en-GB',
      javaScriptEnabled: false,
      viewport: LOOKS[0].viewport,
    })
    t.teardown(() => context.close())
    context.setDefaultTimeout(NEVER_MS)
    return { context, page: await context.newPage() }
  }

  async function openPage(t: Test, browser: Browser, locale: string): Promise<Page> {
    // Captive-portal browsers run no scripts.
    const context = await browser.newContext({ locale, javaScriptEnabled: false, viewport: LOOKS[0].viewport })
    t.teardown(() => context.close())
    context.setDefaultTimeout(NEVER_MS)
    const page = await context.newPage()
    // A refused login is answered 403, which the console calls an error.
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        t.fail(`console: ${message.text()}`)
    })
    return page
  }

  return { look, openPage, withoutCookies }
}
