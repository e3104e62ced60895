import { progress } from './options.ts'
import { startSampling, type Sample } from './sample.ts'
import type { Server } from './servers.ts'
import { median } from './statistics.ts'
import { runWrk, type LoadResult, type RequestKind } from './wrk.ts'

/*
 * Rates of a shared machine drift by the minute, ratios of two loads one after the other hardly: servers are loaded in
 * turn, A B C A B C, and each is compared with the first of its own round.
 */

/** Medians over the rounds; the ratio's too. */
export interface Compared {
  readonly server: string
  readonly meaning: string
  readonly connections: number
  readonly requests_per_second: number
  /** Of the rate to the first server's in the same round. */
  readonly ratio: number
  readonly ratio_min: number
  readonly ratio_max: number
  readonly p50_ms: number
  readonly p95_ms: number
  readonly p99_ms: number
  readonly errors: number
  /** Of answers looked at during the load: null where the server promises nothing. */
  readonly sampled: Sample | null
}

const WARM_UP_SECONDS = 1

export async function compare(
  kind: RequestKind,
  servers: readonly Server[],
  connections: number,
  rounds: number,
  seconds: number,
): Promise<Compared[]> {
  const results = new Map<Server, LoadResult[]>(servers.map((server) => [server, []]))
  const samples = new Map<Server, Sample>(servers.map((server) => [server, { answers: 0, kept: 0 }]))
  for (const server of servers) {
    progress(`${server.name}: warming up`)
    await runWrk([kind], server.port, connections, WARM_UP_SECONDS)
    await server.settle()
  }
  for (let round = 1; round <= rounds; round++) {
    for (const server of servers) {
      progress(`round ${round} of ${rounds}: ${kind}, ${server.name}, ${connections} connections`)
      const stopSampling = server.promises ? startSampling(kind, server.port) : null
      results.get(server)?.push(await runWrk([kind], server.port, connections, seconds))
      if (stopSampling !== null) addSample(samples.get(server) as Sample, await stopSampling())
      await server.settle()
    }
  }
  progress('')
  const base = results.get(servers[0]) as LoadResult[]
  return servers.map((server) => {
    const all = results.get(server) as LoadResult[]
    const ratios = all.map((result, round) => result.rate / base[round].rate)
    return {
      server: server.name,
      meaning: server.meaning,
      connections,
      requests_per_second: Math.round(median(all.map(({ rate }) => rate))),
      ratio: median(ratios),
      ratio_min: Math.min(...ratios),
      ratio_max: Math.max(...ratios),
      p50_ms: median(all.map(({ p50 }) => p50)),
      p95_ms: median(all.map(({ p95 }) => p95)),
      p99_ms: median(all.map(({ p99 }) => p99)),
      errors: all.reduce((sum, { errors }) => sum + errors, 0),
      sampled: server.promises ? (samples.get(server) as Sample) : null,
    }
  })
}

function addSample(sum: Sample, sample: Sample): void {
  sum.answers += sample.answers
  sum.kept += sample.kept
}
