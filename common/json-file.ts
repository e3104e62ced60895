import { readFileSync } from 'node:fs'
import type { z } from 'zod'

/** What a file of JSON holds. Null: there is no file, or something else stands in it. @throws the disk's error */
export function readJsonFile<T>(path: string, schema: z.ZodType<T>): T | null {
  try {
    const result = schema.safeParse(JSON.parse(readFileSync(path, 'utf8')))
    return result.success ? result.data : null
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
