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
 * One request.
 * @returns status and body
 * @throws PublishError of any status but 2xx, and of a network error: retryable are network errors, 429 and 5xx
 */
export async function sendOverHttp(
  { method, url, headers, body }: HttpMessage,
  send: typeof fetch = fetch,
): Promise<{ status: number; text: string }> {
  let status: number
  let text: string
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
    // A redirect of a POST would become a GET; a place that has moved is a matter of configuration.
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

/** fetch says "fetch failed" and puts the reason into its cause. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause === undefined ? messageOf(error) : messageOf(cause)
}

/** `path` below an address that may or may not end in "/", which may hold a login. */
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
