import { Agent, request } from 'node:http'
import type { RequestKind } from './wrk.ts'

/** One request while wrk loads the server, every so often: few enough to cost nothing. */
const EVERY_MS = 20

/** What answers said of their records, of a sample taken during the load. */
export interface Sample {
  answers: number
  kept: number
}

const PING = '/ping/?gw_id=sampled&sys_uptime=1&sys_memfree=2&sys_load=0.03&wifidog_uptime=4'
const LOGIN = JSON.stringify({ username: 'sample', authentication_result: 'Access-Accept', task_id: 'sampled' })

/** Asks as wrk does, and looks at `X-Gatepost-Record`. @returns how to stop */
export function startSampling(kind: RequestKind, port: number): () => Promise<Sample> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const sample: Sample = { answers: 0, kept: 0 }
  let stopped = false
  const loop = (async () => {
    while (!stopped) {
      const kept = await askOnce(kind, port, agent)
      sample.answers++
      if (kept) sample.kept++
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
    }
    agent.destroy()
  })()
  return async () => {
    stopped = true
    await loop
    return sample
  }
}

function askOnce(kind: RequestKind, port: number, agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    const options = kind === 'ping' ? { method: 'GET', path: PING } : { method: 'POST', path: '/logging/post-auth' }
    const sent = request({ ...options, host: '127.0.0.1', port, agent, timeout: 10_000 }, (response) => {
      response.resume()
      response.once('end', () =>
        resolve(response.headers['x-gatepost-record'] === 'kept' && Number(response.statusCode) < 300),
      )
    })
    sent.once('error', () => resolve(false))
    sent.once('timeout', () => sent.destroy(new Error('timeout')))
    sent.end(kind === 'ping' ? undefined : LOGIN)
  })
}
