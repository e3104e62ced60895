import type { Config } from '../config/config.ts'
import { withFullStore } from '../instance/connect.ts'
import { knownKeys } from '../supervisor/secret.ts'
import { importDetail, type DetailOutcome } from './detail.ts'

interface Terminal {
  note(text: string): void
  /** Progress, overwritten on one line. */
  progress(text: string): void
}

/** importDetail() for a command, file after file. */
export function importDetailFiles(
  config: Config,
  files: readonly string[],
  source: string,
  terminal: Terminal,
): Promise<DetailOutcome[]> {
  return withFullStore(
    config,
    (text) => terminal.note(text),
    async (store) => {
      const outcomes: DetailOutcome[] = []
      for (const file of files) {
        outcomes.push(
          await importDetail(store, file, {
            source,
            retention: config.retention,
            probes: new Set(config.probeUsers),
            keys: () => knownKeys(config),
            progress: (entries) => terminal.progress(`${file}: ${entries} entries`),
          }),
        )
      }
      terminal.progress('')
      return outcomes
    },
  )
}
