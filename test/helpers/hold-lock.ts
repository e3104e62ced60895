/** Child process of tests: holds a directory's lock until it is killed. Arguments: directory, role. */
import { lockDirectory } from '../../common/directory-lock.ts'

await lockDirectory(process.argv[2], process.argv[3])
process.send?.('held')
setInterval(() => {}, 1000)
