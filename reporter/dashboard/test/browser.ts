import { chromium, type Browser } from 'playwright-core'

/** The path of a headless Chromium. */
export function openBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox'] })
}

/** Every page, by the name of its screenshot. */
export const PAGES = {
  overview: '/',
  usage: '/usage',
  'usage-metric': '/usage?metric=account-usage&period=day',
  sites: '/sites',
  logins: '/logins?user=U00007',
  gateways: '/gateways',
  sessions: '/sessions?active=1',
  'data-health': '/data-health',
  forget: '/forget',
  vouchers: '/vouchers',
} as const
