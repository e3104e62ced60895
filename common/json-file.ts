import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { GatepostError } from './errors.ts'
import { packageVersion } from './package-root.ts'

/*
 * JSON files that outlive their process name their format and the version of Gatepost that wrote them:
 * {"format": 1, "gatepost": "0.2.0", ...}. A file without them was written by 0.1.0 and has format 1.
 */

const versionSchema = z.object({ format: z.number().int().positive().default(1), gatepost: z.string().optional() })

/** The text of such a file. @param format increment when earlier versions can no longer use the content */
export function jsonFileText(content: object, format = 1): string {
  return `${JSON.stringify({ format, gatepost: packageVersion(), ...content })}\n`
}

/**
 * Reads such a file. Null: it does not exist, or its content does not match the schema.
 * @param format the latest one that this version reads
 * @throws GatepostError DATA_FORMAT_LATER: a later version wrote it; the file system's error
 */
export function readJsonFile<T>(path: string, schema: z.ZodType<T>, format = 1): T | null {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  return parseJsonFile(text, path, schema, format)
}

/** The same for the text of such a file. @param path names it in messages */
export function parseJsonFile<T>(text: string, path: string, schema: z.ZodType<T>, format = 1): T | null {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    return null
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
