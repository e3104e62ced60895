/** Prints a line that the next call overwrites; prints nothing if the output is not a terminal. */
export function terminalLine(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
}
