import { access, constants, stat } from 'node:fs/promises'

/** Whether this process may make files in a directory that is there. */
export async function mayWrite(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK | constants.X_OK)
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
