import { INSTALLED } from './installed.ts'
import { testClient } from './program.ts'

/* Programs in Go, such as Grafana's plugin. */
testClient({ name: 'go', command: [`${INSTALLED}/go/clients`] })
