import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Agent } from 'undici'
import type { Fault, MockRegistry } from '../mocks/population-registry/server.ts'
import { DEMO_AGREEMENT, start } from '../mocks/population-registry/start.ts'
import { type Person, person } from '../mocks/province/person.ts'
import { chipIdQrText } from '../mocks/province/qr.ts'
import { issueAccessToken } from '../src/access/access-token.ts'
import { ROLE_SCOPES } from '../src/access/principal.ts'
import { todayInVietnam } from '../src/calendar.ts'
import { anyFreePort } from '../src/cli/embedded/port.ts'
import { type Call, type ClosedLoop, closedLoop } from './closed-loop.ts'
import { medianFigure } from './frame/report.ts'
import type { Frame, Scenario } from './frame/scenario.ts'
import { startServe } from './serve-process.ts'
import { withThrowawayProvince } from './throwaway-province.ts'

const RECORDS = 2_000
const DESKS = 200
/** Contract: a desk waits no longer for the registry. The way there and back on a busy machine is counted apart. */
const DEADLINE_MS = 3_000
const AROUND_MS = 200
const SAME = 'checks, registry swallowing ÷ answering'
const MORE = 'p99, swallowing − answering'
const SLOWEST = `${DESKS} desks ask at once: the slowest heard it after`

/**
 * What the population registry can do to others. In turn, so that a noisy machine disturbs both: checks that need no
 * registry, while a few desks a second ask it, and it answers or swallows every question. Then 200 desks ask at once a
 * registry that takes 2 s.
 */
export const registryDown: Scenario = {
  what: 'checks beside a population registry that swallows every question; 200 desks at once',
  options: {
    rounds: { default: '5', what: 'rounds' },
    seconds: { default: '15', what: 'with a registry that answers, and with one that does not, in each round' },
    connections: { default: '4', what: 'desks that check without a pause' },
    asks: { default: '10', what: 'desks a second that ask the registry' },
  },
  plan: (frame) => [
    `closed loop (autocannon), ${frame.text('connections')} connections, ${frame.text('rounds')} rounds of 2 × ${frame.text('seconds')} s; a province of ${RECORDS} records of its own`,
    `${frame.text('asks')} questions to the registry a second beside it; then ${DESKS} at once`,
  ],
  budgets: [
    { figure: SAME, atLeast: 0.95 },
    { figure: MORE, atMost: 5 },
    { figure: SLOWEST, atMost: DEADLINE_MS + AROUND_MS },
  ],
  run: (_args, frame) => measure(frame),
}

async function measure(frame: Frame): Promise<void> {
  const [rounds, seconds] = [frame.number('rounds'), frame.number('seconds')]
  const [connections, asksPerSecond] = [frame.number('connections'), frame.number('asks')]
  const { say } = frame
  await withThrowawayProvince('registry-down', RECORDS, say, async (made) => {
    const registry = await start(made.province)
    const agreement = join(made.keysFolder, 'agreement.json')
    await writeFile(agreement, JSON.stringify(DEMO_AGREEMENT))
    const server = await startServe({
      databaseUrl: made.appUrl,
      keysFolder: made.keysFolder,
      port: await anyFreePort(),
      env: { REGISTRY_URL: registry.url, REGISTRY_AGREEMENT_FILE: agreement, GUESSING_MISSES_PER_HOUR: '1000000' },
    })
    const issue = { clientId: 'facility:38001', keyId: 'k', scopes: ROLE_SCOPES.facility, lifeSeconds: 3_600 }
    const token = await issueAccessToken(made.tokenKeys, made.serviceId, new Date(), issue)
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
    const people = Array.from({ length: 1_000 }, (_, i) => person(made.province, i))
    const plain = people.map((each): Call => ({ headers, body: JSON.stringify(bodyOf(each)) }))
    const agent = new Agent({ connections: DESKS })
    const desks = new Desks(agent, server.url, headers, people)
    try {
      await closedLoop(server.url, plain, connections, 3) // warm: code, caches, pages
      const ratios: number[] = []
      const more: number[] = []
      for (let round = 1; round <= rounds; round++) {
        await settle(registry, desks)
        const up = await beside(registry, 'none', desks, asksPerSecond, () =>
          closedLoop(server.url, plain, connections, seconds),
        )
        const down = await beside(registry, 'silent', desks, asksPerSecond, () =>
          closedLoop(server.url, plain, connections, seconds),
        )
        ratios.push(down.requestsPerSecond / up.requestsPerSecond)
        more.push(down.p99Ms - up.p99Ms)
        say(`round ${round}  answering ${shown(up)}  swallowing ${shown(down)}`)
      }
      await settle(registry, desks)
      registry.fault('slow')
      const rush = await Promise.all(Array.from({ length: DESKS }, () => desks.ask()))
      const slowest = Math.max(...rush.map((each) => each.ms))
      const told = Object.groupBy(rush, (each) => each.outcome)
      const counts = Object.entries(told).map(([outcome, those]) => `${those?.length} ${outcome}`)

      frame.figure(SAME, medianFigure(ratios, '', 'higher'))
      frame.figure(MORE, medianFigure(more, 'ms', 'lower'))
      frame.figure(SLOWEST, { value: slowest, unit: 'ms', better: 'lower' })
      frame.note(`${DESKS} desks at once, an answer takes 2 s: ${counts.join(', ')}`)
    } finally {
      await agent.destroy()
      await server.terminate()
      await registry.close()
    }
  })
}

function bodyOf(someone: Person) {
  const evidence = { kind: 'chipIdQr', text: chipIdQrText(someone) }
  return { evidence, serviceDate: todayInVietnam(new Date()), purpose: 'arrival' }
}

interface Heard {
  readonly outcome: string
  readonly ms: number
}

/** Desks whose patients consented. */
class Desks {
  readonly #agent: Agent
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #people: readonly Person[]
  #next = 0

  constructor(agent: Agent, url: string, headers: Readonly<Record<string, string>>, people: readonly Person[]) {
    this.#agent = agent
    this.#url = url
    this.#headers = headers
    this.#people = people
  }

  async ask(): Promise<Heard> {
    const someone = this.#people[this.#next++ % this.#people.length] as Person
    const registryConsent = { method: 'signedForm', reference: 'load', givenAt: new Date().toISOString() }
    const body = JSON.stringify({ ...bodyOf(someone), officer: 'NV-0042', registryConsent })
    const began = performance.now()
    const path = '/v1/verifications'
    const reply = await this.#agent.request({ origin: this.#url, path, method: 'POST', headers: this.#headers, body })
    const text = await reply.body.text()
    const ms = performance.now() - began
    if (reply.statusCode !== 200) throw new Error(`a check gave ${reply.statusCode}: ${text}`)
    return { outcome: /"registry":"(\w+)"/.exec(text)?.[1] ?? 'none', ms }
  }
}

/** As many questions a second, whatever becomes of them, while the work goes on. */
async function beside<T>(
  registry: MockRegistry,
  fault: Fault,
  desks: Desks,
  asksPerSecond: number,
  work: () => Promise<T>,
): Promise<T> {
  registry.fault(fault)
  const asked: Promise<unknown>[] = []
  const timer = setInterval(() => asked.push(desks.ask()), 1_000 / asksPerSecond)
  const done = await work().finally(() => clearInterval(timer))
  await Promise.all(asked)
  return done
}

/** Until the breaker is closed again: it opens for 10 s. */
async function settle(registry: MockRegistry, desks: Desks): Promise<void> {
  registry.fault('none')
  for (;;) {
    const { outcome } = await desks.ask()
    if (outcome !== 'unavailable') return
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

function shown({ requestsPerSecond, p50Ms, p99Ms, failures }: ClosedLoop): string {
  if (failures > 0) throw new Error(`${failures} checks failed`)
  return `${requestsPerSecond.toFixed(0)}/s, p50 ${p50Ms} ms, p99 ${p99Ms} ms`
}
