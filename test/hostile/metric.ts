import type { Instance } from '../helpers/instance.ts'

/** The sum of a metric's series whose labels contain all of `labels`, such as `reason="field_too_long"`. */
export async function metric(instance: Instance, name: string, ...labels: string[]): Promise<number> {
  const text = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => labels.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}
