/** Child process of tests: holds a directory's lock until it is killed. Arguments: directory, role. */
import { lockDirectory } from '../../common/directory-lock.ts'

await lockDirectory(process.argv[2] as string, process.argv[3] as string)
process.send?.('held')
setInterval(() => {}, 1000)
