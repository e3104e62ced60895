import type * as Embedded from '../store/embedded/open.ts'
import { GatepostError } from '../common/errors.ts'

/** Loads the embedded store with its engine, a library of several hundred megabytes, which some installations leave out. */
export async function loadEngine(): Promise<typeof Embedded> {
  try {
    return await import('../store/embedded/open.ts')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new GatepostError(
      'PLATFORM_UNSUPPORTED',
      'this installation has no engine for an embedded store (package chdb): set GATEPOST_CLICKHOUSE_URL, or install all of Gatepost',
      error,
    )
  }
}
