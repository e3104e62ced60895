import { createTransport, type SMTPPoolOptions, type Transporter } from 'nodemailer'
import { messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'

/** Maximum number of queued mails; beyond it, no account can be created for the moment. */
const MAX_WAITING = 1000
/** A mail is retried after 1, 2, 4 ... seconds, at most this many times: about four minutes. */
const MAX_TRIES = 8
const FIRST_PAUSE_MS = 1000
const MAX_CONNECTIONS = 2
const TIMEOUT_MS = 10_000

export interface Mail {
  /** A single address. */
  readonly to: string
  readonly subject: string
  readonly text: string
}

export interface MailerOptions {
  /** smtp:// or smtps://, with user and password if the server requires them. */
  readonly url: string
  readonly from: string
  readonly logger: Logger
}

/** Sends mail from a queue in memory. Mail that has not been sent when the process ends is lost; the user asks for a new code. */
export class Mailer {
  readonly #options: MailerOptions
  readonly #transport: Transporter
  readonly #timers = new Set<NodeJS.Timeout>()
  #waiting = 0
  #closed = false
  sent = 0
  /** Mails given up, or permanently refused by the server. */
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

  /** Queues a mail. False: the queue is full. */
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
      // Passed as an object: a string could contain several addresses.
      await this.#transport.sendMail({ ...mail, to: { name: '', address: mail.to } })
      this.sent++
      this.#waiting--
    } catch (error) {
      // Neither the address nor the text may be logged.
      this.#options.logger.warn(
        { event: 'portal.mail_refused', tries, error: reasonOf(error) },
        'portal: the mail server did not accept a mail',
      )
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

/** SMTP replies from 500 on are permanent (RFC 5321, 4.2.1). */
function isPermanent(error: unknown): boolean {
  const code = (error as { responseCode?: unknown }).responseCode
  return typeof code === 'number' && code >= 500
}

/** The server's reply may contain the address. */
function reasonOf(error: unknown): string {
  const { responseCode, code } = error as { responseCode?: unknown; code?: unknown }
  return typeof responseCode === 'number'
    ? `status ${responseCode}`
    : typeof code === 'string'
      ? code
      : messageOf(error)
}
