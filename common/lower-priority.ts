import { getPriority, setPriority } from 'node:os'

/**
 * Gives this process at least this nice value (0 is normal, 19 the lowest priority). One that has a higher one already, since it was started with
 * nice(1), keeps it: going back takes a right that only root has.
 */
export function lowerPriority(nice: number): void {
  if (getPriority() < nice) setPriority(nice)
}
