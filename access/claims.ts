import { randomBytes } from 'node:crypto'
import { GatepostError } from '../common/errors.ts'
import { CLAIM_WITHIN_MS, type AccessEntry } from './log.ts'

/** Claims that this process has appended and not read back yet. */
export class AccessClaims {
  readonly #waiting = new Map<string, () => void>()

  /** Called for every record that was read from the log. */
  seen(key: string): void {
    this.#waiting.get(key)?.()
  }

  /**
   * Appends a claim and waits until it has been read back.
   * @throws GatepostError LOG_UNAVAILABLE
   */
  async make(
    subject: string,
    entry: AccessEntry,
    write: (key: string, entry: AccessEntry) => Promise<void>,
  ): Promise<void> {
    const key = `${subject}#${randomBytes(8).toString('hex')}`
    let timer: NodeJS.Timeout | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.set(key, resolve)
        const late = () =>
          reject(new GatepostError('LOG_UNAVAILABLE', 'the claim was not read back from the access log in time'))
        timer = setTimeout(late, CLAIM_WITHIN_MS)
        write(key, entry).catch(reject)
      })
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(key)
    }
  }
}
