/** Work that is done again and again, one run after the other. */
export interface Repeated {
  /** No run begins any more. Waits for the one under way. */
  stop(): Promise<void>
}

/**
 * Runs `work` now, and again so many ms after each run as it says.
 * @param work told whether it is to stop early; must not reject
 */
export function repeat(work: (stopped: () => boolean) => Promise<number>): Repeated {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  const run = async (): Promise<void> => {
    const waitMs = await work(() => stopped)
    if (!stopped) timer = setTimeout(next, waitMs)
  }
  const next = () => {
    running = run()
  }
  let running = run()
  return {
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
