import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from 'undici'
import { childPids } from '../frame/processes.ts'
import type { Scenario } from '../frame/scenario.ts'
import { type LoadWorld, planOfWorld, WORLD_OPTIONS, withLoadWorld } from '../load-world.ts'
import type { Ask, OpenTraffic } from '../open-loop/traffic.ts'
import { seeded } from '../seeded.ts'
import type { ChecksSettings } from '../traffic/checks.ts'
import { opened, tellWaits, warm } from './measured.ts'

const ASK_EVERY_MS = 5
/** Somebody who asked while nothing listened hears that at once; who asked a server that died, never. */
const HEARD_WITHIN_MS = 4_000
const PATIENCE_MS = 60_000

/**
 * One process of the server's crew killed, then the whole server, then PostgreSQL, under load; whoever watches over them starts
 * them at once.
 */
export const restart: Scenario = {
  what: 'a process of the server, all of it, then the database killed (-9) under load: seconds to the first right answer',
  options: {
    rate: { default: '200', what: 'checks a second' },
    times: { default: '3', what: 'kills of each' },
    ...WORLD_OPTIONS,
  },
  plan: (frame) => [
    `open loop, poisson: ${frame.text('rate')} checks/s; ${frame.text('times')} kills of one of the server's processes, of all, and of the database`,
    ...planOfWorld(frame),
  ],
  budgets: [
    { figure: 'wrong answers', atMost: 0 },
    { figure: 'one process killed: first right answer, slowest', atMost: 1 },
    { figure: 'server killed: first right answer, slowest', atMost: 1 },
    { figure: 'database accepts again: first right answer, slowest', atMost: 2 },
  ],
  run: async (_args, frame) => {
    const [rate, times] = [frame.number('rate'), frame.number('times')]
    const seconds = 4 + times * 20
    await withLoadWorld(frame, async (world) => {
      let server = await world.serve()
      const port = Number(new URL(server.url).port)
      await warm(frame, world, server, rate)
      const probe = await openProbe(world, server.url)
      const afterProcess: number[] = []
      const afterServer: number[] = []
      const ready: number[] = []
      const afterDatabase: number[] = []
      const database: number[] = []
      const kills = async () => {
        for (let n = 0; n < times; n++) {
          await sleep(2_000)
          // without a crew there is no other process, and this is the server
          const [one] = childPids(server.pid)
          if (one === undefined) break
          const began = performance.now()
          process.kill(one, 'SIGKILL')
          await probe.untilRight()
          afterProcess.push(secondsSince(began))
        }
        for (let n = 0; n < times; n++) {
          await sleep(3_000)
          const began = performance.now()
          await server.kill()
          const starting = world.serve({ port }).then((started) => {
            server = started
            ready.push(secondsSince(began))
          })
          await probe.untilRight()
          afterServer.push(secondsSince(began))
          await starting
        }
        for (let n = 0; n < times; n++) {
          await sleep(3_000)
          const began = performance.now()
          world.killDatabase()
          await world.startDatabase()
          const accepts = performance.now()
          database.push(secondsSince(began))
          await probe.untilRight()
          afterDatabase.push(secondsSince(accepts))
        }
      }
      try {
        const [{ result }] = await Promise.all([
          opened(frame, world, server, {
            name: 'under load',
            shape: [{ seconds, perSecond: rate }],
            traffic: world.checks,
            connections: 256,
            timeoutMs: HEARD_WITHIN_MS,
          }),
          kills(),
        ])
        const phase = frame.opened(result)
        tellWaits(frame, phase)
      } finally {
        await probe.close()
      }
      const told = (name: string, values: readonly number[]) =>
        frame.figure(name, { value: Math.max(...values), unit: 's', better: 'lower', rounds: values })
      // without a crew that process is the server
      told('one process killed: first right answer, slowest', afterProcess.length > 0 ? afterProcess : afterServer)
      told('server killed: it listens again, slowest', ready)
      told('server killed: first right answer, slowest', afterServer)
      told('database killed: it accepts again, slowest', database)
      told('database accepts again: first right answer, slowest', afterDatabase)
    })
  },
}

/** Somebody who asks again and again until the answer is right. */
async function openProbe(world: LoadWorld, url: string) {
  const { openTraffic } = (await import(world.checks.module)) as { openTraffic: OpenTraffic<ChecksSettings> }
  const traffic = await openTraffic(world.checks.settings as ChecksSettings, seeded(5), 1_000)
  const agent = new Agent({ connections: 1, pipelining: 1 })
  let n = 0
  const isRight = async ({ path, headers, body, judge }: Ask): Promise<boolean> => {
    try {
      const signal = AbortSignal.timeout(HEARD_WITHIN_MS)
      const reply = await agent.request({ origin: url, path, method: 'POST', headers, body, signal })
      return judge(reply.statusCode, await reply.body.text()).kind === 'right'
    } catch {
      return false
    }
  }
  return {
    untilRight: async () => {
      const began = performance.now()
      while (!(await isRight(traffic.ask(n++)))) {
        if (performance.now() - began > PATIENCE_MS) throw new Error('no right answer came any more')
        await sleep(ASK_EVERY_MS)
      }
    },
    close: () => agent.destroy(),
  }
}

function secondsSince(beganMs: number): number {
  return (performance.now() - beganMs) / 1_000
}
