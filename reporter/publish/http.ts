import { messageOf } from '../../common/errors.ts'
import { PublishError } from './publisher.ts'

const ANSWER_WITHIN_MS = 30_000
/** Of an answer's body, for people. */
const BODY_CHARACTERS = 300

export interface HttpMessage {
  readonly method: 'POST' | 'PUT'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * Sends one request.
 * @returns status and body
 * @throws PublishError for any status but 2xx, and for network errors. Network errors, 429 and 5xx are retryable
 */
export async function sendOverHttp(
  { method, url, headers, body }: HttpMessage,
  send: typeof fetch = fetch,
): Promise<{ status: number; text: string }> {
  let status: number
  let text: string
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
    // A redirect would turn the POST into a GET, and a moved address must be configured.
    const response = await send(url, { method, headers, body, signal, redirect: 'manual' })
    status = response.status
    text = await response.text()
  } catch (error) {
    throw new PublishError(`no answer: ${causeOf(error)}`, true, error)
  }
  if (status < 200 || status > 299) throw new PublishError(answerText(status, text), status === 429 || status >= 500)
  return { status, text }
}

export function answerText(status: number, text: string): string {
  return `${status} ${text.slice(0, BODY_CHARACTERS)}`.trim()
}

/** fetch only says "fetch failed"; the reason is in the cause. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause === undefined ? messageOf(error) : messageOf(cause)
}

/** Appends `path` to an address that may end in "/" and may contain a login. */
export function addressOf(base: string, path: string): { url: string; authorization: string | null } {
  const url = new URL(path, base.endsWith('/') ? base : `${base}/`)
  const { username, password } = url
  url.username = ''
  url.password = ''
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return {
    url: url.href,
    authorization: username === '' ? null : `Basic ${Buffer.from(login).toString('base64')}`,
  }
}
