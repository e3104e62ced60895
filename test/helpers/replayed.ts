import type { ReplayOutcome } from '../../runtime/replay/replay.ts'
import type { Instance } from './instance.ts'
import { gatepost } from './mixes.ts'

/** Runs `gatepost replay`. @returns the counts other than 0 of each part of which anything was read */
export async function replayed(
  instance: Instance,
  ...arguments_: string[]
): Promise<Record<string, Partial<ReplayOutcome>>> {
  const { status, stdout, stderr } = await gatepost(instance, 'replay', '--json', ...arguments_)
  if (status !== 0 || stderr !== '') throw new Error(`replay ended with ${status}: ${stderr}`)
  const outcomes = JSON.parse(stdout) as ReplayOutcome[]
  return Object.fromEntries(
    outcomes
      .filter(({ read }) => read > 0)
      .map(({ part, ...rest }) => [part, Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== 0))]),
  )
}
