import type { HttpBindings } from '@hono/node-server'
import type { Who } from './access.ts'

/** What every handler of the dashboard knows of its request. */
export interface Environment {
  Bindings: HttpBindings
  Variables: { who: Who; address: string }
}
