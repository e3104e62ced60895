import { createTransport, type SMTPPoolOptions, type Transporter } from 'nodemailer'
import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'

/** Mails that wait at most; beyond it no account can be created at the moment. */
const MAX_WAITING = 1000
/** A mail is tried again after 1, 2, 4 ... seconds, at most this often: some four minutes. */
const MAX_TRIES = 8
const FIRST_PAUSE_MS = 1000
const MAX_CONNECTIONS = 2
const TIMEOUT_MS = 10_000

export interface Mail {
  /** One address. */
  readonly to: string
  readonly subject: string
  readonly text: string
}

export interface MailerOptions {
  /** smtp:// or smtps://, with user and password where the server wants them. */
  readonly url: string
  readonly from: string
  readonly logger: Logger
}

/**
 * Outgoing mail, from a queue in memory: what has not been sent when the process ends is lost, and whoever waits for it asks again.
 */
export class Mailer {
  readonly #options: MailerOptions
  readonly #transport: Transporter
  readonly #timers = new Set<NodeJS.Timeout>()
  #waiting = 0
  #closed = false
  sent = 0
  /** Given up, or refused by the server for good. */
  failed = 0

  constructor(options: MailerOptions) {
    this.#options = options
    this.#transport = createTransport(
      {
        url: options.url,
        pool: true,
        maxConnections: MAX_CONNECTIONS,
        connectionTimeout: TIMEOUT_MS,
        greetingTimeout: TIMEOUT_MS,
        socketTimeout: TIMEOUT_MS,
      } satisfies SMTPPoolOptions,
      { from: options.from },
    )
  }

  get waiting(): number {
    return this.#waiting
  }

  /** Sends it soon. False: the queue is full. */
  send(mail: Mail): boolean {
    if (this.#closed || this.#waiting >= MAX_WAITING) return false
    this.#waiting++
    void this.#try(mail, 1)
    return true
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#transport.close()
  }

  async #try(mail: Mail, tries: number): Promise<void> {
    try {
      // As an object: a text could hold several addresses.
      await this.#transport.sendMail({ ...mail, to: { name: '', address: mail.to } })
      this.sent++
      this.#waiting--
    } catch (error) {
      // Neither the address nor the text goes into the log.
      this.#options.logger.warn({ tries, error: reasonOf(error) }, 'portal: the mail server did not accept a mail')
      if (tries === MAX_TRIES || isPermanent(error) || this.#closed) {
        this.failed++
        this.#waiting--
        return
      }
      const timer = setTimeout(
        () => {
          this.#timers.delete(timer)
          void this.#try(mail, tries + 1)
        },
        FIRST_PAUSE_MS * 2 ** (tries - 1),
      )
      this.#timers.add(timer)
    }
  }
}

/** A server's answers from 500 on are final (RFC 5321, 4.2.1). */
function isPermanent(error: unknown): boolean {
  const code = (error as { responseCode?: unknown }).responseCode
  return typeof code === 'number' && code >= 500
}

/** A server's own words may hold the address. */
function reasonOf(error: unknown): string {
  const { responseCode, code } = error as { responseCode?: unknown; code?: unknown }
  return typeof responseCode === 'number'
    ? `status ${responseCode}`
    : typeof code === 'string'
      ? code
      : messageOf(error)
}
