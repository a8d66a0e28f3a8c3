import { describe, expect, it } from 'vitest'
import { createProgress } from '../../src/cli/progress.ts'

/** A stream that keeps what was written and a clock that only we move. */
function setup(options: { isTTY: boolean; total?: number; columns?: number }) {
  const written: string[] = []
  let time = 1_000_000
  const stream = {
    isTTY: options.isTTY,
    ...(options.columns === undefined ? {} : { columns: options.columns }),
    write: (text: string) => written.push(text),
  }
  const progress = createProgress({
    label: 'Loading',
    total: options.total ?? 3_256_000,
    unit: 'rows',
    stream,
    now: () => time,
  })
  return {
    progress,
    written,
    afterMs(ms: number, done: number) {
      time += ms
      progress.update(done)
    },
    last: () => written.at(-1) ?? '',
  }
}

describe('on a terminal', () => {
  it('shows bar, separated thousands, rate and time left as m:ss', () => {
    const { afterMs, last } = setup({ isTTY: true, columns: 120 })
    afterMs(1_000, 50_000)
    expect(last()).toBe(`\rLoading  ${'░'.repeat(24)}  50,000/3,256,000 rows  50,000/s  1:04 left\x1b[K`)
    for (let done = 100_000; done <= 1_628_000; done += 50_000) afterMs(1_000, done)
    afterMs(1_000, 1_628_000)
    expect(last()).toContain(`${'█'.repeat(12)}${'░'.repeat(12)}`)
  })

  it('draws at most ten times a second however often it is called', () => {
    const { afterMs, written } = setup({ isTTY: true })
    for (let i = 1; i <= 1_000; i++) afterMs(1, i)
    expect(written.length).toBeGreaterThanOrEqual(9)
    expect(written.length).toBeLessThanOrEqual(10)
  })

  it('never wraps a line, which could not be drawn over', () => {
    for (const columns of [10, 30, 50, 60, 80, 200]) {
      const { afterMs, progress, written } = setup({ isTTY: true, columns })
      afterMs(1_000, 1_234_567)
      progress.finish()
      for (const text of written) {
        const visible = text.replace('\r', '').replace('\x1b[K', '').replace('\n', '')
        expect(visible.length, `${columns} columns`).toBeLessThan(columns)
      }
    }
  })

  it('leaves the cursor visible and on a line of its own, finished or failed', () => {
    for (const ending of ['finish', 'fail'] as const) {
      const { afterMs, progress, written, last } = setup({ isTTY: true })
      afterMs(1_000, 1_000)
      progress[ending]()
      expect(last().endsWith('\n')).toBe(true)
      expect(written.join('')).not.toContain('\x1b[?25l')
    }
  })
})

describe('not on a terminal', () => {
  it('writes plain lines: the first, one every 5 s at most, the last; no escape codes', () => {
    const { afterMs, progress, written } = setup({ isTTY: false, total: 20_000 })
    for (let i = 1; i <= 200; i++) afterMs(100, i * 100)
    progress.finish()
    expect(written).toEqual([
      'Loading  100/20,000 rows  1,000/s  0:20 left\n',
      'Loading  5,100/20,000 rows  1,000/s  0:15 left\n',
      'Loading  10,100/20,000 rows  1,000/s  0:10 left\n',
      'Loading  15,100/20,000 rows  1,000/s  0:05 left\n',
      'Loading  20,000 rows in 0:20 (1,000/s)\n',
    ])
  })

  it('says where it stood when it failed', () => {
    const { afterMs, progress, last } = setup({ isTTY: false, total: 20_000 })
    afterMs(61_000, 12_345)
    progress.fail()
    expect(last()).toBe('Loading  stopped at 12,345/20,000 rows after 1:01\n')
  })
})

describe('the rate', () => {
  it('does not depend on how often it is told', () => {
    const often = setup({ isTTY: false, total: 1_000_000 })
    const seldom = setup({ isTTY: false, total: 1_000_000 })
    for (let i = 1; i <= 10_000; i++) often.afterMs(1, i * 10)
    for (let i = 1; i <= 2; i++) seldom.afterMs(5_000, i * 50_000)
    expect(seldom.last()).toContain('10,000/s')
    expect(often.last()).toContain('10,000/s')
  })

  it('follows a slowdown within some seconds and is not thrown off by one slow moment', () => {
    const { afterMs, written } = setup({ isTTY: true, columns: 120 })
    afterMs(10_000, 100_000)
    afterMs(200, 100_100)
    expect(written.at(-1)).toContain('9,627/s')
    for (let i = 1; i <= 20; i++) afterMs(1_000, 100_100 + i * 1_000)
    const shown = Number(/([\d,]+)\/s/.exec(written.at(-1) ?? '')?.[1]?.replace(',', ''))
    expect(shown).toBeGreaterThan(1_000)
    expect(shown).toBeLessThan(1_300)
  })

  it('is not claimed before any time has passed, and no time left is invented', () => {
    const { afterMs, last } = setup({ isTTY: false })
    afterMs(0, 10)
    expect(last()).toBe('Loading  10/3,256,000 rows\n')
  })

  it('starts anew when the work starts over', () => {
    const { afterMs, last } = setup({ isTTY: true, columns: 120 })
    afterMs(1_000, 500_000)
    afterMs(1_000, 0)
    expect(last()).not.toContain('-')
    afterMs(1_000, 2_000)
    expect(last()).toContain('2,000/s')
  })
})

describe('odd numbers', () => {
  it('keeps the bar whole when there is more than announced, or nothing to do', () => {
    const more = setup({ isTTY: true, total: 10, columns: 120 })
    more.afterMs(1_000, 15)
    expect(more.last()).toContain(`${'█'.repeat(24)}  15/10 rows`)
    const nothing = setup({ isTTY: true, total: 0, columns: 120 })
    nothing.afterMs(1_000, 0)
    expect(nothing.last()).toContain('0/0 rows')
    nothing.progress.finish()
    expect(nothing.last()).toContain('0 rows in 0:01')
  })

  it('writes hours when it takes hours', () => {
    const { afterMs, last } = setup({ isTTY: false, total: 1_000_000 })
    afterMs(1_000, 100)
    expect(last()).toContain('2:46:39 left')
  })

  it('ends once: what comes after the end is not written', () => {
    const { afterMs, progress, written } = setup({ isTTY: false })
    progress.finish()
    progress.fail()
    afterMs(10_000, 5)
    expect(written).toHaveLength(1)
  })
})
