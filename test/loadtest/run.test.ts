import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Report, readReport } from '../../loadtest/frame/report.ts'
import { runScenario } from '../../loadtest/frame/run.ts'
import type { Frame, Scenario } from '../../loadtest/frame/scenario.ts'

let folder: string
let said: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiemthe-report-'))
  said = ''
  const hear = (text: unknown) => {
    said += String(text)
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(hear)
  vi.spyOn(process.stderr, 'write').mockImplementation(hear)
})

afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

function scenario(run: Scenario['run']): Scenario {
  return {
    what: 'made up',
    options: { rate: { default: '50', what: 'a second' } },
    plan: (frame) => [`${frame.text('rate')}/s`],
    budgets: [{ figure: 'p99', atMost: 10 }],
    run,
  }
}

const waits = (frame: Frame, value: number) => frame.figure('p99', { value, unit: 'ms', better: 'lower' })

async function reports(): Promise<Report[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).toSorted()
  return Promise.all(names.map((name) => readReport(join(folder, name))))
}

test('the plan is said before the run; figures, options and budgets stand in the report, and beside it a page', async () => {
  const calm = scenario(async (_args, frame) => {
    expect(said).toContain('70/s')
    waits(frame, frame.number('rate') / 10)
  })
  expect(await runScenario('calm', calm, ['--rate', '70', '--reports', folder])).toBe(true)
  const [report] = await reports()
  expect(report).toMatchObject({
    scenario: 'calm',
    options: { rate: '70' },
    plan: ['70/s'],
    figures: { p99: { value: 7 } },
    budgets: [{ figure: 'p99', met: true }],
  })
  const page = (await readdir(folder)).find((name) => name.endsWith('.html')) ?? ''
  expect(await readFile(join(folder, page), 'utf8')).toContain('<h1>calm</h1>')
})

test('a missed budget is no success, nor is a figure that never came', async () => {
  const slow = scenario(async (_args, frame) => waits(frame, 11))
  expect(await runScenario('slow', slow, ['--reports', folder])).toBe(false)
  expect(said).toContain('MISSED p99: 11')
  expect(
    await runScenario(
      'silent',
      scenario(async () => {}),
      ['--reports', folder],
    ),
  ).toBe(false)
})

test('a run whose generator was its own bottleneck is refused: no figure of it is told', async () => {
  const late = scenario(async (_args, frame) => {
    const { openLoop } = await import('../../loadtest/open-loop/open-loop.ts')
    const { moduleOf } = await import('../../loadtest/load-world.ts')
    const run = await openLoop({
      name: 'nobody',
      url: 'http://127.0.0.1:9',
      shape: [{ seconds: 0.01, perSecond: 100 }],
      traffic: { module: moduleOf('plain'), settings: { bodyBytes: 1 } },
    })
    frame.opened({ ...run, bottleneck: 'it was late' })
    waits(frame, 1)
  })
  expect(await runScenario('late', late, ['--reports', folder])).toBe(false)
  expect(said).toMatch(/REFUSED.*it was late/)
  expect(said).not.toContain('p99 ')
  const [report] = await reports()
  expect(report?.figures).toEqual({})
  expect(report?.phases).toEqual([])
})

test('a former report is compared with', async () => {
  const at = (value: number) => scenario(async (_args, frame) => waits(frame, value))
  await runScenario('before', at(4), ['--reports', folder])
  const former = (await readdir(folder)).find((name) => name.endsWith('.json')) ?? ''
  await runScenario('now', at(8), ['--reports', folder, '--against', join(folder, former)])
  expect(said).toMatch(/p99 +8 +4 +× 2\.000 +worse/)
})

test('--help runs nothing; campaigns that read their own options get them, but not those of the frame', async () => {
  let given: string[] | null = null
  const campaign: Scenario = {
    what: 'a campaign',
    run: async (args) => {
      given = args
    },
  }
  expect(await runScenario('campaign', campaign, ['--help'])).toBe(true)
  expect(given).toBeNull()
  await runScenario('campaign', campaign, ['--kills', '3', `--reports=${folder}`, '--against', ''])
  expect(given).toEqual(['--kills', '3'])
})

test('what is no number, or no option, ends the command', async () => {
  const run = vi.fn(async (_args: string[], frame: Frame) => waits(frame, frame.number('rate')))
  await expect(runScenario('made-up', scenario(run), ['--rate', 'fast'])).rejects.toThrow('--rate fast')
  await expect(runScenario('made-up', scenario(run), ['--speed', '1'])).rejects.toThrow('speed')
})
