import { parseArgs } from 'node:util'
import { renderPage } from './page.ts'
import type { Phase } from './phase.ts'
import { OTHERS, ProcessWatch } from './processes.ts'
import { createProgress } from './progress.ts'
import { type Figure, judged, machineHere, type Report, readReport, saveReport } from './report.ts'
import type { Frame, OptionOf, Scenario } from './scenario.ts'
import { renderTable } from './table.ts'

/** Ignored by git, as data folders are. */
const REPORTS_FOLDER = '.kiemthe-reports'

const OWN: Readonly<Record<string, OptionOf>> = {
  against: { default: '', what: 'a former report (.json) to compare with: the ratio of each figure' },
  reports: { default: REPORTS_FOLDER, what: 'where the report goes (.json, .html)' },
}

/** From the plan to the report. False: a budget was missed, or the generator was the bottleneck. */
export async function runScenario(name: string, scenario: Scenario, args: readonly string[]): Promise<boolean> {
  if (args.includes('--help')) {
    process.stdout.write(help(name, scenario))
    return true
  }
  const { own, rest } = split(args)
  const values = scenario.options === undefined ? {} : valuesOf(rest, scenario.options)
  const before = own['against'] === '' ? null : await readReport(own['against'] ?? '')
  const startedAt = new Date().toISOString()
  const began = performance.now()
  const live = createProgress()
  const watch = new ProcessWatch()
  const figures: Record<string, Figure> = {}
  const phases: Phase[] = []
  const bottleneck: string[] = []
  const notes: string[] = []
  const text = (option: string) => {
    const value = values[option]
    if (value === undefined) throw new Error(`${name} has no option --${option}`)
    return value
  }
  const frame: Frame = {
    text,
    number: (option) => {
      const value = Number(text(option))
      if (text(option) === '' || !(value >= 0)) throw new Error(`--${option} ${text(option)}: a number, 0 or more`)
      return value
    },
    say: live.say,
    progress: live.progress,
    figure: (figure, value) => {
      figures[figure] = value
    },
    phase: (phase) => {
      phases.push(phase)
    },
    opened: (run) => {
      phases.push(run.phase)
      if (run.bottleneck !== null) bottleneck.push(`${run.phase.name}: ${run.bottleneck}`)
      return run.phase
    },
    watch: (program, pid) => watch.add(program, pid),
    note: (line) => {
      notes.push(line)
      live.say(line)
    },
  }
  watch.add('load generator', () => process.pid, true)
  const plan = scenario.plan?.(frame) ?? []
  live.say([`${name}: ${scenario.what}`, ...plan.map((line) => `  ${line}`)].join('\n'))
  const returned = await scenario.run([...rest], frame)
  Object.assign(figures, returned ?? {})
  live.clear()
  const processes = watch.stop().filter((series) => series.second.length > 0)
  const others = processes.find((series) => series.name === OTHERS)?.cores ?? []
  if (others.length > 0) {
    figures[OTHERS] = {
      value: others.reduce((sum, each) => sum + each, 0) / others.length,
      unit: 'cores',
      better: null,
    }
  }
  // what a generator that was late tells of a server is not told at all
  const refused = bottleneck.length > 0
  const told = refused ? {} : figures
  const report: Report = {
    v: 1,
    scenario: name,
    what: scenario.what,
    startedAt,
    seconds: Math.round((performance.now() - began) / 1_000),
    machine: machineHere(),
    options: values,
    plan,
    figures: told,
    phases: refused ? [] : phases,
    processes,
    budgets: judged(scenario.budgets ?? [], told),
    bottleneck,
    notes,
  }
  if (Object.keys(figures).some((each) => each !== OTHERS) || phases.length > 0) {
    process.stdout.write(renderTable(report, before))
    const { json, html } = await saveReport(own['reports'] ?? REPORTS_FOLDER, report, await renderPage(report, before))
    process.stdout.write(`report: ${json}\n        ${html}\n`)
  }
  return report.budgets.every((budget) => budget.met) && bottleneck.length === 0
}

/** The frame's own options, and what is left for the scenario. */
function split(args: readonly string[]): { own: Record<string, string>; rest: string[] } {
  const own = Object.fromEntries(Object.entries(OWN).map(([name, option]) => [name, option.default]))
  const rest: string[] = []
  for (let i = 0; i < args.length; i++) {
    const [name = '', value] = (args[i] ?? '').split(/=(.*)/s)
    if (!name.startsWith('--') || !(name.slice(2) in OWN)) rest.push(args[i] ?? '')
    else own[name.slice(2)] = value ?? args[++i] ?? ''
  }
  return { own, rest }
}

function valuesOf(args: string[], options: Readonly<Record<string, OptionOf>>): Record<string, string> {
  const { values } = parseArgs({
    args,
    options: Object.fromEntries(
      Object.entries(options).map(([name, option]) => [name, { type: 'string' as const, default: option.default }]),
    ),
  })
  return values as Record<string, string>
}

function help(name: string, { what, options, budgets }: Scenario): string {
  const own = options === undefined ? [] : Object.entries(options)
  const lines = [...own, ...Object.entries(OWN)].map(([option, each]) => {
    const given = each.default === '' ? '' : ` (${each.default})`
    return `  --${option.padEnd(14)} ${each.what}${given}`
  })
  const wanted = (budgets ?? []).map(
    ({ figure, atMost, atLeast }) =>
      `  ${figure} ${[atLeast === undefined ? '' : `≥ ${atLeast}`, atMost === undefined ? '' : `≤ ${atMost}`].join(' ').trim()}`,
  )
  const budget = wanted.length === 0 ? [] : ['', 'Ends with 1 unless:', ...wanted]
  return `${[`npm run loadtest -- ${name}`, '', what, '', 'Options:', ...lines, ...budget].join('\n')}\n`
}
