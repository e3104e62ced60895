/** What a check found. */
export interface Finding {
  /** What was looked at: `disk`, `ports`, `topics`… */
  readonly check: string
  /** `problem`: it cannot work so; `warning`: it works, but should not stay so. */
  readonly level: 'ok' | 'warning' | 'problem'
  readonly found: string
  /** What to do; null: nothing. */
  readonly advice: string | null
}

export function ok(check: string, found: string): Finding {
  return { check, level: 'ok', found, advice: null }
}

export function warning(check: string, found: string, advice: string): Finding {
  return { check, level: 'warning', found, advice }
}

export function problem(check: string, found: string, advice: string): Finding {
  return { check, level: 'problem', found, advice }
}
