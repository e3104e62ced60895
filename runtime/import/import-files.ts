import type { Config } from '../config/config.ts'
import { withFullStore } from '../instance/connect.ts'
import { knownKeys } from '../supervisor/secret.ts'
import { importDetail, type DetailOutcome } from './detail.ts'
import { importSessionsDump } from './sessions-dump.ts'

interface Terminal {
  note(text: string): void
  /** Progress, overwritten on one line. */
  progress(text: string): void
}

/** What a file holds. */
export type FileKind = 'detail' | 'sessions-dump'

/** importDetail() or importSessionsDump() for a command, file after file. */
export function importFiles(
  config: Config,
  kind: FileKind,
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
        const options = {
          source,
          retention: config.retention,
          keys: () => knownKeys(config),
          progress: (entries: number) => terminal.progress(`${file}: ${entries} entries`),
        }
        outcomes.push(
          kind === 'detail'
            ? await importDetail(store, file, { ...options, probes: new Set(config.probeUsers) })
            : await importSessionsDump(store, file, options),
        )
      }
      terminal.progress('')
      return outcomes
    },
  )
}
