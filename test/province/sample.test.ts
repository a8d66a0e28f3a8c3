import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { person } from '../../mocks/province/person.ts'
import { isoDate } from '../../src/calendar.ts'
import { sample } from '../../src/cli/sample.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

const directory = mkdtempSync(join(tmpdir(), 'kiemthe-sample-'))
afterAll(() => rmSync(directory, { recursive: true }))

const module = new URL('../../src/cli/sample.ts', import.meta.url).href
const program = `await (await import(${JSON.stringify(module)})).sample(process.argv.slice(1))`
const command = ['--input-type=module', '-e', program, '--']

function lines(...args: string[]): Record<string, unknown>[] {
  const text = execFileSync(process.execPath, [...command, '--data', directory, ...args], { encoding: 'utf8' })
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('kiemthe sample', () => {
  it('would print other people than those of the demo beside it', () => {
    writeFileSync(join(directory, 'demo.json'), '{"seed":7,"baseDate":"2026-11-24","cards":1000,"port":8787}')
    const [first, ...others] = lines('--count', '5')
    expect(others).toHaveLength(4)
    expect(Object.keys(first ?? {})).toEqual([
      'citizenId',
      'fullName',
      'dateOfBirth',
      'sex',
      'qr',
      'mrz',
      'cardNumber',
      'serviceDate',
      'expected',
    ])
    expect(first?.['serviceDate']).toBe('2026-11-24')
    const demo = { seed: 7, baseDate: isoDate('2026-11-24') }
    const ids = Array.from({ length: 990 }, (_, i) => person(demo, i).citizenId)
    expect(ids).toContain(first?.['citizenId'])
    rmSync(join(directory, 'demo.json'))
  })

  it('would not say so when the province has fewer people than asked for', () => {
    const run = spawnSync(process.execPath, [...command, '--data', directory, '--cards', '100', '--count', '150'])
    expect(run.status).toBe(0)
    expect(run.stdout.toString().trimEnd().split('\n')).toHaveLength(95)
    expect(run.stderr.toString()).toContain('95')
  })

  it('would complain, or go on, when its reader stops (| head)', () => {
    const shell = `"${process.execPath}" "$@" | head -n 1; echo "\${PIPESTATUS[0]}"`
    const args = [...command, '--data', directory, '--count', '200000']
    const run = spawnSync('bash', ['-c', shell, 'sample', ...args], { encoding: 'utf8' })
    expect(run.stderr).toBe('')
    const [line = '', status] = run.stdout.split('\n')
    expect(JSON.parse(line)).toHaveProperty('qr')
    expect(status).toBe('0')
  })

  it.each([
    ['--code', 'no_match'],
    ['--code', 'source_stale'],
    ['--code', 'nonsense'],
    ['--count', '0'],
    ['--count', '1000001'],
    ['--count', '1e3'],
    ['--cards', '-5'],
    ['--colour', 'red'],
    ['stray'],
  ])('would accept %s %s', async (...args) => {
    await expect(sample(args.filter((arg) => arg !== undefined))).rejects.toThrow(UsageError)
  })

  it('a refused code would leave the caller to guess the possible ones', async () => {
    await expect(sample(['--code', 'no_match'])).rejects.toThrow(/valid_prefer_new.*birth_date_mismatch/s)
  })

  it('a broken demo.json would be taken for a missing one', async () => {
    for (const text of ['{', '{"seed":7}', '{"seed":7,"baseDate":"2026-02-30","cards":10}']) {
      writeFileSync(join(directory, 'demo.json'), text)
      await expect(sample(['--data', directory])).rejects.toThrow(UsageError)
    }
    rmSync(join(directory, 'demo.json'))
  })
})
