import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Phase } from './phase.ts'
import type { ProcessSeries } from './processes.ts'

/** One number that a scenario exists to tell. */
export interface Figure {
  readonly value: number
  readonly unit: string
  /** Which way is good; null: neither, it is told. */
  readonly better: 'higher' | 'lower' | null
  /** Of the rounds, if there were several: `value` is their median. */
  readonly rounds?: readonly number[]
}

export type Figures = Readonly<Record<string, Figure>>

/** What a figure must be for the scenario to end well. */
export interface Budget {
  readonly figure: string
  readonly atMost?: number
  readonly atLeast?: number
}

export interface Judged extends Budget {
  /** Null: the scenario did not come to it. */
  readonly value: number | null
  readonly met: boolean
}

export interface Report {
  readonly v: 1
  readonly scenario: string
  readonly what: string
  readonly startedAt: string
  readonly seconds: number
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memoryGb: number; readonly node: string }
  readonly options: Readonly<Record<string, string>>
  readonly plan: readonly string[]
  readonly figures: Figures
  readonly phases: readonly Phase[]
  readonly processes: readonly ProcessSeries[]
  readonly budgets: readonly Judged[]
  /** Why figures and phases are withheld: the generator could not keep its own plan. Empty: it could. */
  readonly bottleneck: readonly string[]
  readonly notes: readonly string[]
}

export function judged(budgets: readonly Budget[], figures: Figures): Judged[] {
  return budgets.map((budget) => {
    const value = figures[budget.figure]?.value ?? null
    const met =
      value !== null &&
      value <= (budget.atMost ?? Number.POSITIVE_INFINITY) &&
      value >= (budget.atLeast ?? Number.NEGATIVE_INFINITY)
    return { ...budget, value, met }
  })
}

export function machineHere(): Report['machine'] {
  const [first] = cpus()
  return {
    cpu: first?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  }
}

export async function saveReport(
  folder: string,
  report: Report,
  page: string,
): Promise<{ json: string; html: string }> {
  await mkdir(folder, { recursive: true })
  const name = `${report.scenario}-${report.startedAt.replace(/[:.]/g, '-')}`
  const [json, html] = [join(folder, `${name}.json`), join(folder, `${name}.html`)]
  await writeFile(json, `${JSON.stringify(report)}\n`)
  await writeFile(html, page)
  return { json, html }
}

export async function readReport(path: string): Promise<Report> {
  const report = JSON.parse(await readFile(path, 'utf8')) as Partial<Report>
  if (report.v !== 1 || report.figures === undefined) throw new Error(`${path} is no report of a load test`)
  return report as Report
}

export interface Compared {
  readonly name: string
  readonly unit: string
  readonly now: number
  readonly before: number
  /** now ÷ before. */
  readonly ratio: number
  /** True: it got better. Null: neither way is good, or it is the same within a hundredth. */
  readonly better: boolean | null
}

/** Figures that both have. */
export function compare(now: Figures, before: Figures): Compared[] {
  return Object.entries(now).flatMap(([name, figure]) => {
    const old = before[name]
    if (old === undefined || old.unit !== figure.unit) return []
    const ratio = figure.value / old.value
    const same = figure.better === null || !Number.isFinite(ratio) || Math.abs(ratio - 1) < 0.01
    const better = same ? null : ratio > 1 === (figure.better === 'higher')
    return [{ name, unit: figure.unit, now: figure.value, before: old.value, ratio, better }]
  })
}

/** Of rounds: their median, and all of them beside it. */
export function medianFigure(rounds: readonly number[], unit: string, better: Figure['better']): Figure {
  return { value: median(rounds), unit, better, rounds }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = Number.NaN, high = Number.NaN] = [sorted[middle - 1 + (sorted.length % 2)], sorted[middle]]
  return (low + high) / 2
}
