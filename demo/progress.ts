import { terminalLine } from '../common/terminal-line.ts'

const WIDTH = 30
const EVERY_MS = 100

/** A progress bar in the terminal's last line; prints nothing if the output is not a terminal. */
export class ProgressBar {
  #shown = -Infinity

  /** @param share from 0 to 1 */
  show(share: number, text: string): void {
    const now = performance.now()
    if (now - this.#shown < EVERY_MS) return
    this.#shown = now
    const full = Math.round(WIDTH * Math.min(1, Math.max(0, share)))
    const percent = `${Math.floor(100 * share)}`.padStart(3)
    terminalLine(`[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}] ${percent} %  ${text}`)
  }

  clear(): void {
    terminalLine('')
    this.#shown = -Infinity
  }
}
