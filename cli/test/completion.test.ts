import { spawnSync } from 'node:child_process'
import t from 'tap'
import { runCli } from './run-cli.ts'

/** What a shell is offered after these words, with the texts beside. */
async function offered(...words: string[]): Promise<string[][]> {
  const { status, stdout, stderr } = await runCli(['complete', '--', ...words], {})
  t.same([status, stderr], [0, ''])
  const lines = stdout.trimEnd().split('\n')
  t.match(lines.pop(), /^:\d+$/, 'the last line says how the shell goes on')
  return lines.map((line) => line.split('\t'))
}

t.test('commands, options and the values that they take', async (t) => {
  const commands = await offered('')
  t.ok(
    commands.every(([name, text]) => /^[a-z-]+$/.test(name) && text !== undefined),
    'a line for each',
  )
  const names = commands.map(([name]) => name)
  for (const name of ['serve', 'tail', 'metrics', 'doctor']) t.ok(names.includes(name), name)
  t.same(await offered('ta'), [['tail', 'show heartbeats, logins or accounting as they come in']])
  t.same(
    (await offered('tail', 'p')).map(([value]) => value),
    ['pings', 'post-auth'],
  )
  t.ok((await offered('tail', '--')).some(([option]) => option === '--gateway'))
  t.ok((await offered('access', '')).some(([name]) => name === 'deny'))
})

t.test('scripts for shells', async (t) => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { status, stdout } = await runCli(['completion', shell], {})
    t.equal(status, 0)
    t.match(stdout, /gatepost complete -- /)
    // Checked by the shells that are here.
    const checked = spawnSync(shell, ['-n'], { input: stdout, encoding: 'utf8' })
    if (checked.error === undefined) t.same([checked.status, checked.stderr], [0, ''], shell)
  }
  t.match(await runCli(['completion', 'cmd'], {}), { status: 2, stderr: /bash/ })
})

t.test('help of a command', async (t) => {
  const help = await runCli(['help', 'logins'], {})
  t.match(help, { status: 0, stdout: /^Usage: gatepost logins/ })
  t.equal(help.stdout, (await runCli(['logins', '--help'], {})).stdout)
  t.match(await runCli(['help', 'nothing'], {}), { status: 2 })
})
