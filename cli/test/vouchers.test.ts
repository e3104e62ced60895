import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runCommand, runHere } from './run-cli.ts'

t.test('gatepost access vouchers', async (t) => {
  const directory = t.testdir({})
  const env = { GATEPOST_DATA_DIR: directory, GATEPOST_SECRET: 'a secret of this test' }
  const vouchers = (...rest: string[]) => runCommand(['access', 'vouchers', ...rest], env)
  const create = ['create', '--count', '2', '--valid-for', '90m', '--max-devices', '3', '--label', 'fair']
  const made = await vouchers(...create, '--json')
  t.equal(made.status, 0, made.stderr)
  const rows = JSON.parse(made.stdout) as { id: string; code: string }[]
  t.match(rows, [{ valid_for_seconds: 5400, max_devices: 3, label: 'fair' }, { label: 'fair' }])
  t.match((await vouchers(...create, '--csv')).stdout, /^id,code,valid_for_seconds,max_devices,label\n[0-9a-f]{24},/)
  const printed = (await vouchers(...create)).stdout
  t.equal(printed.match(/Wi-Fi code: [0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}/g)?.length, 2)
  t.match(printed, '90 minutes, 3 devices')

  const limits = ['--session', '8h', '--quota', '2GB', '--wins', 'newest']
  const sheet = (await vouchers(...create, ...limits, '--sheet', '--title', 'Town <hall>')).stdout
  t.match(sheet, /^<!doctype html>/)
  t.match(sheet, '90 minutes, 3 devices, 8 hours at a time, 2 GB')
  t.match(sheet, 'Town &#60;hall&#62;')
  t.equal(sheet.match(/<svg /g)?.length, 2)

  const [{ id, code }] = rows
  t.match((await vouchers('release', id)).stdout, `released 0 devices of ${id}`)
  t.equal((await vouchers('release', 'nothing')).status, 2)
  t.equal((await vouchers('release', id, '--device', 'phone')).status, 2)
  t.equal((await vouchers('revoke', id, '--reason', 'lost')).status, 0)
  t.equal((await vouchers('revoke', 'nothing')).status, 2)
  const list = JSON.parse((await vouchers('list', '--json')).stdout) as { id: string; state: string }[]
  t.equal(list.length, 8)
  t.match(list.at(-1), { session_seconds: 28_800, quota_bytes: 2_000_000_000, wins: 'newest' })
  t.match(list[0], { session_seconds: null, quota_bytes: null, wins: 'first' })
  t.match(
    list.find((row) => row.id === id),
    { state: 'revoked', devices: 0, max_devices: 3, first_used: null, ends: null },
  )
  t.match((await vouchers('list')).stdout, /^id +label +state/)
  t.notMatch(readFileSync(join(directory, 'access-control.log'), 'utf8'), code.replaceAll('-', ''))
  for (const wrong of [
    ['--count', '0'],
    ['--valid-for', '10'],
    ['--max-devices', 'many'],
    ['--session', '1s'],
    ['--quota', 'much'],
    ['--wins', 'nobody'],
    ['--url', 'https://hello.example/'],
  ]) {
    const { status, stderr } = await runHere(['access', 'vouchers', 'create', ...wrong], env)
    t.equal(status, 2)
    t.match(stderr, 'allowed is')
  }
  t.match((await runHere(['access', 'vouchers', 'create', '--help'], env)).stdout, 'Examples:')
})
