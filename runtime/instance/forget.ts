import type { Person } from '../../privacy/person.ts'
import { pseudonymKey } from '../../privacy/pseudonym.ts'
import { type Forgotten, forgetPerson } from '../../privacy/forget-person.ts'
import { withAccessLog } from './access-log.ts'
import type { Config } from '../config/config.ts'
import { withFullStore } from './connect.ts'

/** forgetPerson() for a command. */
export function forget(
  config: Config,
  person: Person,
  dryRun: boolean,
  note: (text: string) => void,
): Promise<Forgotten> {
  const { clickhouseUrl, clickhouseCluster, kafkaBrokers, history, dataDir } = config
  const storeKind = clickhouseUrl === undefined ? 'embedded' : clickhouseCluster === undefined ? 'server' : 'cluster'
  const log = kafkaBrokers === undefined ? 'journal' : 'kafka'
  const pseudonyms = history === null ? null : pseudonymKey(history.secret)
  return withFullStore(config, note, (store) =>
    withAccessLog(config, ({ access, keys }) =>
      forgetPerson({ store, storeKind, access, log, dataDir, keys, pseudonyms }, person, dryRun),
    ),
  )
}
