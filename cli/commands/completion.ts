import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'

/** `gatepost completion`: commands, options and their choices for shells. Called last, since it looks at the commands that there are. */
export function registerCompletion(program: Command): void {
  inOneLine(program, () => tab(program, { completionCommandName: 'completion' }))
  program.commands
    .find((command) => command.name() === 'completion')
    ?.summary('print a script that completes command lines')
    .description(
      'Print a script with which a shell completes commands, options and their values. Of an installed gatepost:\n' +
        '  bash  gatepost completion bash > /etc/bash_completion.d/gatepost\n' +
        '  zsh   gatepost completion zsh > "${fpath[1]}/_gatepost"\n' +
        '  fish  gatepost completion fish > ~/.config/fish/completions/gatepost.fish',
    )
    .addHelpText('after', '\nExamples:\n  gatepost completion bash\n  source <(gatepost completion bash)')
}

/** Shells show a line for each command, and the library takes descriptions for that: they are summaries while it looks. */
function inOneLine(program: Command, work: () => void): void {
  const descriptions = new Map<Command, string>()
  const shorten = (command: Command): void => {
    descriptions.set(command, command.description())
    command.description(command.summary() || command.description().replace(/\n[^]*/, ''))
    command.commands.forEach(shorten)
  }
  shorten(program)
  work()
  for (const [command, description] of descriptions) command.description(description)
}
