import type { WriterOptions } from '../../ingest/writers/writers.ts'
import type { Config } from './config.ts'

/** Who may write what, by configuration. */
export function writerOptions(config: Config): WriterOptions {
  const { ingestCredentials, ingestSources, ingestOpen, ingestListeners } = config
  return {
    credentials: ingestCredentials ?? [],
    sources: ingestSources ?? {},
    open: ingestOpen === 'yes',
    listeners: ingestListeners,
  }
}
