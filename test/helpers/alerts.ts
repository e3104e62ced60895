import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Instance } from './instance.ts'
import { Prometheus, RULES } from './prometheus.ts'

/**
 * What is retried every minute, or is too old after ten, would take longer than a test may: these thresholds are lowered, and nothing else.
 * promtool tests the rules as they are, with the time that a condition has to last.
 */
export const LOWERED: readonly (readonly [rule: string, lowered: string])[] = [
  ['timestamp_seconds) > 600', 'timestamp_seconds) > 20'],
  ['gatepost_aggregator_lag_seconds) > 60', 'gatepost_aggregator_lag_seconds) > 5'],
  ['failures_total[2h]) > 30', 'failures_total[2h]) > 0'],
  ['locations_failures_total[2h]) > 3', 'locations_failures_total[2h]) > 0'],
  ['failures_total[2h])) > 3', 'failures_total[2h])) > 0'],
  ['> 2 * gatepost_backup_interval_seconds', '> 1.2 * gatepost_backup_interval_seconds'],
  ['gatepost_portal_limited_total[10m])) > 100', 'gatepost_portal_limited_total[10m])) > 3'],
]

/** Watches an instance on a real Prometheus. @returns asserts that an alert comes */
export async function watchAlerts(t: Test, instance: Instance): Promise<(name: string) => Promise<void>> {
  const directory = join(t.testdirName, 'prometheus')
  mkdirSync(directory)
  const file = join(directory, 'alerts.yml')
  const rules = readFileSync(RULES, 'utf8')
  writeFileSync(
    file,
    LOWERED.reduce((text, [rule, lowered]) => text.replaceAll(rule, lowered), rules),
  )
  const prometheus = await Prometheus.start(t, directory, [instance.metricsPort], file)
  t.ok(await prometheus.scrapes('gatepost_build_info'))
  return async (name) => {
    const isRaised = await prometheus.raises(name)
    t.ok(isRaised, isRaised ? name : `${name}\n${instance.tail(10, 400)}`)
  }
}
