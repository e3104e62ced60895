import { runCommandLine } from './command-line.ts'
import { EXIT } from './exit-code.ts'
import { terminal } from './output.ts'

// The data directory holds people's names and MACs, so new files are readable by their owner only. Child processes inherit the mask.
process.umask(0o077)

// `gatepost locations list | head` closes the pipe early; that is not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok)
  throw error
})

const status = await runCommandLine(process.argv.slice(2), process.env, terminal)
// Exit explicitly: threads of the engine may keep the event loop alive. Flush the output first.
process.stdout.write('', () => process.exit(status))
