import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Instance } from '../helpers/instance.ts'
import { run } from '../helpers/run.ts'

/* Whose rights the processes have. Only root can become another user: who tests as somebody else sees that this is refused. */

const USER = 'nobody'
const idOfUser = async (option: string) => Number((await run('id', [option, USER])).stdout)

/** Not below the home of whoever tests: others cannot enter that. */
function directoryOf(t: Test, uid: number, gid: number): string {
  const directory = mkdtempSync(join(tmpdir(), 'gatepost-user-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  chmodSync(directory, 0o755)
  if (userInfo().uid === 0) chownSync(directory, uid, gid)
  return directory
}

t.test('started by root, every process takes the rights of GATEPOST_USER', async (t) => {
  const [uid, gid] = [await idOfUser('-u'), await idOfUser('-g')]
  const directory = directoryOf(t, uid, gid)
  const instance = await Instance.create(join(directory, 'data'), { GATEPOST_USER: USER })
  t.teardown(() => instance.destroy())
  if (userInfo().uid !== 0) {
    const { status, output } = await instance.refused()
    t.equal(status, 2)
    t.match(output, `GATEPOST_USER=${USER}: only root can become another user, not ${userInfo().username}`)
    return
  }
  await instance.start()
  t.notMatch(instance.output, 'running as root')
  const data = statSync(instance.dataDir)
  t.same([data.uid, data.gid], [uid, gid], 'the files are the user’s')
  const { stdout } = await run('ps', [
    '-o',
    'uid=,gid=,supgid=',
    '--pid',
    String(instance.pid),
    '--ppid',
    String(instance.pid),
  ])
  const rights = stdout.trim().split('\n')
  t.ok(rights.length >= 3, 'the supervisor and its children')
  for (const line of rights) t.match(line.trim().split(/\s+/), [String(uid), String(gid), String(gid)])
  t.equal(await instance.stop(), 0)
})

t.test('root is warned, and a name that is none is refused', async (t) => {
  const directory = directoryOf(t, 0, 0)
  const instance = await Instance.create(join(directory, 'data'))
  t.teardown(() => instance.destroy())
  await instance.start()
  const isRoot = userInfo().uid === 0
  if (isRoot) t.match(instance.output, 'running as root: set GATEPOST_USER')
  else t.notMatch(instance.output, 'running as root')
  t.equal(await instance.stop(), 0)
  if (isRoot) {
    const { status, output } = await instance.refused({ GATEPOST_USER: USER })
    t.equal(status, 2)
    t.match(output, `GATEPOST_DATA_DIR=${instance.dataDir}: user ${await idOfUser('-u')} may not write there`)
  }
  for (const [name, why] of [
    ['no-such-user-here', isRoot ? 'there is no such user' : 'only root'],
    ['--help', 'not allowed'],
  ]) {
    const { status, stderr } = await run(process.execPath, [instance.program, 'config'], {
      env: { ...instance.env, GATEPOST_USER: name },
    })
    t.equal(status, 2)
    t.match(stderr, `GATEPOST_USER=${name}: ${why}`)
  }
})

t.test(
  'no process leaves a core dump',
  { skip: process.platform !== 'linux' && 'only Linux has the limits in files' },
  async (t) => {
    const instance = await Instance.create(join(directoryOf(t, 0, 0), 'data'))
    t.teardown(() => instance.destroy())
    // Whoever tests may have allowed them.
    await run('prlimit', ['--pid', String(process.pid), '--core=unlimited:unlimited'])
    await instance.start()
    const { stdout } = await run('ps', ['-o', 'pid=', '--pid', String(instance.pid), '--ppid', String(instance.pid)])
    for (const pid of stdout.trim().split(/\s+/))
      t.match(readFileSync(`/proc/${pid}/limits`, 'utf8'), /^Max core file size +0 +0 /m)
    t.equal(await instance.stop(), 0)
  },
)
