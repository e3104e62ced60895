import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageVersion } from '../../common/package-root.ts'
import { Instance } from '../../test/helpers/instance.ts'
import { run } from '../../test/helpers/run.ts'
import { assertDataFormat, dataFormats, writeDataFormat } from '../data-format.ts'
import { readInstanceFile } from '../instance/instance-file.ts'

function laterDirectory(name: string, formats: Record<string, number>): string {
  const directory = t.testdir({ [name]: {} }) + `/${name}`
  writeFileSync(join(directory, 'format.json'), JSON.stringify({ format: 1, gatepost: '99.0.0', formats }))
  return directory
}

t.test('a directory without the file, and one of this version, are accepted', (t) => {
  const directory = t.testdir({})
  t.doesNotThrow(() => assertDataFormat(directory))
  writeDataFormat(directory)
  t.doesNotThrow(() => assertDataFormat(directory))
  t.match(JSON.parse(readFileSync(join(directory, 'format.json'), 'utf8')), {
    gatepost: packageVersion(),
    formats: dataFormats(),
  })
  t.end()
})

t.test(
  'a directory of a later version with the formats of this one is accepted: the upgrade can be taken back',
  (t) => {
    t.doesNotThrow(() => assertDataFormat(laterDirectory('same', { ...dataFormats() })))
    t.end()
  },
)

t.test(
  'serve, and commands without a running instance, refuse a directory of a later version, and name both versions',
  async (t) => {
    const directory = laterDirectory('later', { ...dataFormats(), journal: 2, dreams: 1 })
    mkdirSync(join(directory, 'archive'))
    const instance = await Instance.create(directory)
    const message = new RegExp(
      `was last used by Gatepost 99\\.0\\.0, and this is ${packageVersion().replaceAll('.', '\\.')}: ` +
        'journal has format 2, this version knows 1; dreams has format 1, this version knows none',
    )
    for (const arguments_ of [['serve'], ['sessions'], ['access', 'list'], ['replay', '--archive']]) {
      const { status, stderr } = await run(process.execPath, [instance.program, ...arguments_], { env: instance.env })
      t.not(status, 0, arguments_.join(' '))
      t.match(stderr, message, arguments_.join(' '))
    }
  },
)

t.test('the instance file of a later version is refused too', (t) => {
  const directory = t.testdir({})
  mkdirSync(join(directory, 'run'))
  writeFileSync(join(directory, 'run/instance.json'), JSON.stringify({ format: 2, gatepost: '99.0.0', socket: '/x' }))
  t.throws(() => readInstanceFile(directory), {
    code: 'DATA_FORMAT_LATER',
    message: /has format 2 and was written by Gatepost 99\.0\.0; this is .*: install 99\.0\.0 or later/,
  })
  t.end()
})
