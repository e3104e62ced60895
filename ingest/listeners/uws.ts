import { createRequire } from 'node:module'
import type * as Uws from 'uWebSockets.js'
import { GatepostError, messageOf } from '../../common/errors.ts'

export type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket } from 'uWebSockets.js'

const require = createRequire(import.meta.url)

/** uWebSockets.js ships one binary per platform and Node.js version. npm installs the package that fits the running Node.js. */
export const UWS_PACKAGES = ['uWebSockets.js', 'uWebSockets.js-current'] as const

/**
 * Loads the package that fits: the older one runs on Node.js 20 and 22, the newer on 22, 24 and 26 (on Linux with glibc 2.38 or newer).
 * @throws GatepostError PLATFORM_UNSUPPORTED: neither loads; the message says what is supported
 */
export function loadUws(): typeof Uws {
  const failures: string[] = []
  for (const name of UWS_PACKAGES) {
    try {
      return require(name) as typeof Uws
    } catch (error) {
      failures.push(`${name}: ${reasonOf(error)}`)
    }
  }
  throw new GatepostError(
    'PLATFORM_UNSUPPORTED',
    [
      `uWebSockets.js has no binary that loads on Node.js ${process.version}, ${process.platform}-${process.arch}`,
      'Supported: Node.js 20 and 22 on Linux (glibc) and macOS, x64 and arm64; Node.js 24 and 26 there too, on Linux with',
      'glibc 2.38 or newer (Debian 13, Ubuntu 24.04). If you changed Node.js since the installation, install again.',
      ...failures,
    ].join('\n'),
  )
}

/** The packages' own message only talks about their versions; the loader's message below it says why this binary does not load. */
function reasonOf(error: unknown): string {
  const lines = messageOf(error).split('\n')
  const inner = lines.find((line) => line.startsWith('Error: '))
  return inner === undefined ? lines[0] : inner.slice('Error: '.length)
}
