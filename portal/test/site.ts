import { createLogger } from '../../common/logger.ts'
import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { FileAccessLog } from '../../access/journal-log.ts'
import type { Decoded } from '../../test/helpers/decode.ts'
import { MemoryLog } from '../../test/helpers/memory-log.ts'
import { App } from '../../ingest/app.ts'
import { TrustedProxies } from '../../common/trusted-proxies.ts'
import { BulkListener } from '../../ingest/listeners/bulk.ts'
import { GatewayListener } from '../../ingest/listeners/gateway.ts'
import { openPortal, type PortalOptions } from '../open.ts'
import type { HashCost } from '../password.ts'
import type { Portal } from '../portal.ts'

/** A portal behind both listeners, with its log in memory. */
export interface Site {
  readonly log: MemoryLog
  /** The decisions, as another process of the installation sees them. */
  readonly access: FileAccessLog
  /** The same as the portal sees it. */
  readonly own: FileAccessLog
  /** Issued tokens, from their records. */
  grants(): Promise<Decoded[]>
  /** Logins by method and outcome, as the metrics count them. */
  readonly outcomes: ReadonlyMap<string, number>
  /** Base addresses of the gateway and the bulk listener. */
  readonly bases: readonly [string, string]
  close(): Promise<void>
}

export const PORTAL: PortalOptions = {
  methods: ['click'],
  directory: null,
  termsVersion: '1',
  useWithinMs: 600_000,
  sessionMaxMs: 86_400_000,
  validationTimeMs: 1_200_000,
  roaming: false,
  landingUrl: null,
  portalUrl: null,
  rememberDeviceMs: null,
  rememberedLogin: 'click',
  limits: [],
  looks: [],
  oidc: null,
  codeWebhook: null,
  webhook: null,
  mail: null,
}

/** Of a test that is about neither hashes nor the time that they take. */
const NEXT_TO_NOTHING: HashCost = { N: 2 ** 8, r: 8, p: 1 }

/** @param passwordCost null: what the product has */
export async function openSite(
  t: Test,
  options: Partial<PortalOptions> = {},
  passwordCost: HashCost | null = NEXT_TO_NOTHING,
): Promise<Site> {
  const directory = t.testdir({})
  const log = new MemoryLog()
  const logger = createLogger('test')
  const access = await FileAccessLog.open(directory, logger)
  const own = await FileAccessLog.open(directory, logger)
  let portal: Portal | null = null
  const app = new App({
    log,
    authMode: 'signed',
    secrets: ['secret'],
    access: own,
    ack: 'durable',
    portal: (records, reports) =>
      (portal = openPortal(
        { ...PORTAL, ...options },
        {
          secrets: ['secret'],
          access: own,
          records,
          reports,
          logger,
          ...(passwordCost === null ? {} : { passwordCost }),
        },
      )),
    logger,
  })
  const proxies = new TrustedProxies(['127.0.0.1'])
  const gateway = new GatewayListener(app, proxies)
  const bulk = new BulkListener(app, proxies)
  await gateway.listen('127.0.0.1', 0)
  await bulk.listen('127.0.0.1', 0)
  return {
    log,
    access,
    own,
    async grants() {
      await app.records.flush()
      return log.decoded('portal_sessions').map(({ record }) => record)
    },
    outcomes: (portal as unknown as Portal).outcomes,
    bases: [`http://127.0.0.1:${gateway.port}`, `http://127.0.0.1:${bulk.port}`],
    async close() {
      await app.records.flush()
      bulk.close()
      gateway.stopAccepting()
      gateway.close()
      app.portal?.close()
      await access.close()
      await own.close()
    },
  }
}

/** Resolves when the portal has read all earlier decisions. */
export async function seen(site: Site): Promise<void> {
  const subject = `bind:${randomUUID()}`
  await site.access.put(subject, { verdict: 'allow', reason: '', until: null, updatedAt: Date.now() })
  while ([site.access, site.own].some((access) => access.get(subject, Date.now()) === undefined))
    await new Promise((resolve) => setTimeout(resolve, 20))
}

/** A browser: it keeps its cookie, and fills in the forms of the page it is on. */
export class Visitor {
  readonly #base: string
  readonly #headers: Record<string, string>
  readonly #keepsCookies: boolean
  cookie = ''
  /** Of the page that it got last. */
  proof = ''

  constructor(base: string, headers: Record<string, string> = {}, keepsCookies = true) {
    this.#base = base
    this.#headers = headers
    this.#keepsCookies = keepsCookies
  }

  async get(target: string): Promise<{ response: Response; html: string }> {
    return this.#keep(await fetch(this.#base + target, { redirect: 'manual', headers: this.#sent() }))
  }

  async post(target: string, fields: Record<string, string>): Promise<{ response: Response; html: string }> {
    const body = new URLSearchParams({ form: this.proof, ...fields })
    return this.#keep(
      await fetch(this.#base + target, { method: 'POST', body, redirect: 'manual', headers: this.#sent() }),
    )
  }

  #sent(): Record<string, string> {
    return { ...this.#headers, ...(this.cookie === '' ? {} : { cookie: this.cookie }) }
  }

  async #keep(response: Response): Promise<{ response: Response; html: string }> {
    const html = await response.text()
    const cookie = response.headers.get('set-cookie')
    if (cookie !== null && this.#keepsCookies) this.cookie = cookie.split(';')[0]
    this.proof = /name="form" value="([^"]*)"/.exec(html)?.[1] ?? this.proof
    return { response, html }
  }
}
