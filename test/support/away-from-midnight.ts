import { setTimeout as sleep } from 'node:timers/promises'
import { msUntilCalm } from './calm.ts'

/** Before each suite: see `calm.ts`. */
await sleep(msUntilCalm(Date.now()))
