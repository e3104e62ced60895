import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const CHROMIUM = '/usr/bin/chromium'

/** A headless Chromium; null where there is none. */
export async function openBrowser(): Promise<Browser | null> {
  if (!existsSync(CHROMIUM)) return null
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
}

/** Every page, by the name of its picture. */
export const PAGES = {
  overview: '/',
  usage: '/usage',
  'usage-metric': '/usage?metric=account-usage&period=day',
  sites: '/sites',
  logins: '/logins?user=U00007',
  gateways: '/gateways',
  sessions: '/sessions?active=1',
  'data-health': '/data-health',
} as const
