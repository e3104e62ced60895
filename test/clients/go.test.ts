import { CLIENTS } from '../suite/files.ts'
import { testClient } from './program.ts'

/* Programs in Go, such as Grafana's plugin. */
testClient({ name: 'go', command: [`${CLIENTS}/go/clients`] })
