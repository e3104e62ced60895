import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { GatepostError } from './errors.ts'
import { packageVersion } from './package-root.ts'

/*
 * A file of JSON that outlives the process that wrote it says the format that it has, and the version of Gatepost that wrote it:
 * {"format": 1, "gatepost": "0.2.0", ...}. One that does not is of 0.1.0, and has format 1.
 */

const versionSchema = z.object({ format: z.number().int().positive().default(1), gatepost: z.string().optional() })

/** The text of such a file. @param format raised when versions before could not use the content any more */
export function jsonFileText(content: object, format = 1): string {
  return `${JSON.stringify({ format, gatepost: packageVersion(), ...content })}\n`
}

/**
 * What a file of JSON holds. Null: there is no file, or something else stands in it.
 * @param format the latest that this version reads
 * @throws GatepostError DATA_FORMAT_LATER: a later version wrote it; the disk's error
 */
export function readJsonFile<T>(path: string, schema: z.ZodType<T>, format = 1): T | null {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  const version = versionSchema.safeParse(content)
  if (version.success && version.data.format > format) {
    const { gatepost = 'a later version', format: found } = version.data
    throw new GatepostError(
      'DATA_FORMAT_LATER',
      `${path} has format ${found} and was written by Gatepost ${gatepost}; this is ${packageVersion()}, which reads up to ${format}: ` +
        `install ${gatepost} or later`,
    )
  }
  const result = schema.safeParse(content)
  return result.success ? result.data : null
}
