import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import type { Test } from 'tap'
import { until } from './until.ts'

export interface MailServer {
  readonly url: string
  /** All accepted mails, in order. */
  readonly mails: readonly string[]
  /** The code that was mailed to an address; waits for it. */
  codeFor(address: string): Promise<string>
  /** The path and query of the link that was mailed to an address; waits for it. */
  linkFor(address: string): Promise<string>
}

/** A mail server that keeps the mails. @param refuses this many mails are refused first, temporarily; or all of them, for good */
export async function startMailServer(t: Test, refuses: number | 'all' = 0): Promise<MailServer> {
  const mails: string[] = []
  const latest = new Map<string, string>()
  let busy = refuses === 'all' ? 0 : refuses
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, callback) {
      let mail = ''
      stream.on('data', (chunk: Buffer) => (mail += String(chunk)))
      stream.on('end', () => {
        if (refuses === 'all') return callback(Object.assign(new Error('no such mailbox'), { responseCode: 550 }))
        if (busy-- > 0) return callback(Object.assign(new Error('busy'), { responseCode: 451 }))
        mails.push(mail)
        for (const { address } of session.envelope.rcptTo) latest.set(address, mail)
        callback()
      })
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise<void>((resolve) => server.close(resolve)))
  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    mails,
    codeFor: async (address) => {
      await until(() => latest.has(address))
      const code = /\b(\d{8})\b/.exec(latest.get(address)?.split('\r\n\r\n').slice(1).join() ?? '')?.[1]
      if (code === undefined) throw new Error(`no code was mailed to ${address}`)
      return code
    },
    linkFor: async (address) => {
      await until(() => latest.has(address))
      // Long lines are folded (RFC 2045, 6.7).
      const text = (latest.get(address) ?? '').replaceAll('=\r\n', '').replaceAll('=3D', '=')
      const link = /https?:\/\/\S+/.exec(text)?.[0]
      if (link === undefined) throw new Error(`no link was mailed to ${address}`)
      const { pathname, search } = new URL(link)
      return pathname + search
    },
  }
}
