/** A line that the next one replaces; nothing where nobody watches. */
export function terminalLine(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
}
