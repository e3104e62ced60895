import { createRequire } from 'node:module'
import type * as Uws from 'uWebSockets.js'
import { messageOf } from '../common/errors.ts'

export type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket } from 'uWebSockets.js'

const require = createRequire(import.meta.url)

/**
 * uWebSockets.js comes as one binary per platform and Node.js version, in two packages: the older loads on Node.js 20
 * and 22, the newer on 22, 24 and 26 (on Linux with glibc 2.38 or newer). npm installs what fits.
 * @throws Error that says what is supported, if neither loads.
 */
export function loadUws(): typeof Uws {
  const failures: string[] = []
  for (const name of ['uWebSockets.js', 'uWebSockets.js-current']) {
    try {
      return require(name) as typeof Uws
    } catch (error) {
      failures.push(`${name}: ${messageOf(error).split('\n')[0]}`)
    }
  }
  throw new Error(
    `uWebSockets.js has no binary for Node.js ${process.version} on ${process.platform}-${process.arch}. Supported: Node.js 20 and 22 ` +
      `on Linux (glibc) and macOS, x64 and arm64; Node.js 24 and 26 too, on Linux with glibc 2.38 or newer (Debian 13, Ubuntu 24.04). ${failures.join('; ')}`,
  )
}
