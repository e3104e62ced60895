/** An instant (ms since the epoch, or a Date) as the engine reads and writes a DateTime64(3, 'UTC'): 2024-02-29 12:00:00.000. */
export function sqlTime(instant: number | Date): string {
  return new Date(instant).toISOString().replace('T', ' ').slice(0, 23)
}
