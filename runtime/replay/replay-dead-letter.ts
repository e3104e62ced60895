import type { Config } from '../config/config.ts'
import { withFullStore } from '../instance/connect.ts'
import { storeLetter, type LetterName, type LetterOutcome } from './store-letter.ts'
import { knownKeys } from '../supervisor/secret.ts'

/** storeLetter() for a command. */
export function replayDeadLetter(
  config: Config,
  note: (text: string) => void,
  letter: LetterName,
  payload: string | null,
): Promise<LetterOutcome | null> {
  const { retention } = config
  return withFullStore(config, note, (store) =>
    storeLetter(store, letter, payload, { retention, keys: () => knownKeys(config) }),
  )
}
