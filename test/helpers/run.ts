import { execFile } from 'node:child_process'

export interface RunResult {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end. Through env(1), because the test runner adds its loaders to the environment of every spawn. */
export function run(
  command: string,
  arguments_: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; timeout?: number } = {},
): Promise<RunResult> {
  return new Promise((resolve) => {
    execFile(
      'env',
      ['-u', 'NODE_OPTIONS', command, ...arguments_],
      { ...options, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        // A number: the status; a string or nothing: it could not be started, or a signal ended it.
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ status, stdout, stderr: status === -1 ? `${stderr}${error?.message}` : stderr })
      },
    )
  })
}
