import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { cleanEnv } from '../test/helpers/clean-env.ts'

/*
 * A client that asks one query after the other, on a connection that stays: in a process of its own, so that it sees an answer when it
 * comes, not when the server's process has time for it. As a program:
 *
 *   query-client.js <URL>
 */

export class QueryClient {
  readonly #child: ChildProcess

  constructor(url: string) {
    this.#child = fork(fileURLToPath(import.meta.url), [url], { env: cleanEnv() })
  }

  /** @returns milliseconds from each request to the end of its answer. @throws Error: an answer has another status than 200 */
  async time(queries: readonly string[]): Promise<number[]> {
    this.#child.send(queries)
    const [times] = (await once(this.#child, 'message')) as [number[] | string]
    if (typeof times === 'string') throw new Error(times)
    return times
  }

  close(): void {
    this.#child.disconnect()
  }
}

async function timed(url: string, agent: Agent, queries: readonly string[]): Promise<number[]> {
  const times: number[] = []
  for (const query of queries) {
    const started = performance.now()
    await ask(url, agent, query)
    times.push(performance.now() - started)
  }
  return times
}

function ask(url: string, agent: Agent, query: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: 'POST', agent }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${query}: status ${answer.statusCode}`))
      answer.resume()
      answer.once('end', resolve)
    })
    asked.once('error', reject)
    asked.end(query)
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const url = process.argv[2]
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  process.on('message', (queries: string[]) => {
    void timed(url, agent, queries)
      .catch((error: unknown) => String(error))
      .then((times) => process.send?.(times))
  })
  process.once('disconnect', () => process.exit())
}
