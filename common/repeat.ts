/** Work that runs repeatedly, one run at a time. */
export interface Repeated {
  /** Starts no further run, and waits for the current one. */
  stop(): Promise<void>
}

/**
 * Runs `work` now, and again after the number of ms that each run returns.
 * @param work receives a function that tells whether to stop early; must not reject
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
