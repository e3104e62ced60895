/**
 * The environment for a process of the product that a test starts: without the test runner's loaders, which would
 * slow it down and send their own messages to its parent, and without this machine's GATEPOST_ variables.
 */
export function cleanEnv(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (name === 'NODE_OPTIONS' || name.startsWith('TAP') || name.startsWith('_TAP') || name.startsWith('GATEPOST_'))
      continue
    env[name] = value
  }
  return { ...env, ...extra }
}
