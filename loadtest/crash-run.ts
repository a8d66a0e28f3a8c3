import { setTimeout as sleep } from 'node:timers/promises'
import type { DataKeysFile } from '../src/data-keys.ts'
import type { Sql } from '../src/db/connect.ts'
import { type Ask, judge, KeyedLoad, type TokenOf } from './keyed-load.ts'
import { type ServeOptions, startServe } from './serve-process.ts'

export interface CrashRun {
  readonly serve: ServeOptions
  /** The database as its owner, and the keys of the server: to read what was left. The log must be empty. */
  readonly owner: Sql
  readonly dataKeys: DataKeysFile
  readonly kills: number
  readonly desks: number
  /** In [0, 1): when each kill comes. */
  readonly random: () => number
  readonly makeAsk: (n: number) => Ask
  readonly tokenOf: TokenOf
  readonly onKill?: (kills: number, acknowledged: number) => void
}

export interface CrashFigures {
  readonly kills: number
  readonly asked: number
  /** Answered with a receipt while servers were being killed. */
  readonly acknowledged: number
  readonly unanswered: number
  /** Of those: their entry was in the log, only the answer was lost. */
  readonly recordedButUnanswered: number
  /** Of those: answered when they asked again under their key. */
  readonly repeatedAndRecovered: number
  readonly entries: number
  /** Each of these is a broken promise. */
  readonly lost: number
  readonly duplicated: number
  readonly strangers: number
  readonly wrongLeafHashes: number
  readonly gaps: number
  /** Asked again after all was over, and told something else than the first time. */
  readonly changedAnswers: number
}

/** A server that was ready answers within a millisecond or two; the kill finds it anywhere in its work. */
const KILL_AFTER_MS_MAX = 600
const ASKED_AGAIN_MAX = 200

/**
 * Kills the server again and again under load; then all who got no answer ask once more, and the log is compared with
 * what everybody was told.
 */
export async function crashRun(run: CrashRun): Promise<CrashFigures> {
  let server = await startServe(run.serve)
  const load = new KeyedLoad(server.url, run.desks, run.makeAsk, run.tokenOf)
  try {
    for (let kill = 1; kill <= run.kills; kill++) {
      await sleep(run.random() * KILL_AFTER_MS_MAX)
      await server.kill()
      run.onKill?.(kill, load.acknowledged.size)
      server = await startServe(run.serve)
    }
    await load.stop()
    const acknowledged = load.acknowledged.size
    const unanswered = [...load.unanswered.keys()]
    const before = await judge(run.owner, run.dataKeys, load)
    await load.repeatUnanswered()
    const after = await judge(run.owner, run.dataKeys, load)

    let changedAnswers = 0
    const told = [...load.acknowledged.values()]
    const step = Math.max(1, Math.floor(told.length / ASKED_AGAIN_MAX))
    for (let i = 0; i < told.length; i += step) {
      const { ask, text } = told[i] as (typeof told)[number]
      const again = await load.send(ask)
      if (!again.answered || again.text !== text) changedAnswers++
    }
    const last = await judge(run.owner, run.dataKeys, load)
    return {
      kills: run.kills,
      asked: load.asked,
      acknowledged,
      unanswered: unanswered.length,
      recordedButUnanswered: unanswered.filter((key) => before.recorded.has(key)).length,
      repeatedAndRecovered: unanswered.filter((key) => load.acknowledged.has(key)).length,
      entries: last.entries,
      lost: before.lost + after.lost + last.lost,
      duplicated: last.duplicated,
      strangers: last.strangers,
      wrongLeafHashes: last.wrongLeafHashes,
      gaps: [before, after, last].filter((each) => !each.dense || each.size !== each.entries).length,
      changedAnswers,
    }
  } finally {
    await load.close()
    await server.kill()
  }
}

/** Why the promises did not hold; empty when they did. */
export function broken(figures: CrashFigures): string[] {
  const { asked, entries, unanswered, repeatedAndRecovered } = figures
  const wrong: string[] = []
  for (const name of ['lost', 'duplicated', 'strangers', 'wrongLeafHashes', 'gaps', 'changedAnswers'] as const) {
    if (figures[name] > 0) wrong.push(`${name}: ${figures[name]}`)
  }
  if (repeatedAndRecovered !== unanswered) wrong.push(`never answered: ${unanswered - repeatedAndRecovered}`)
  if (entries !== asked) wrong.push(`${asked} were asked, ${entries} are in the log`)
  return wrong
}
