import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { codeTables } from '../src/cli/codes.ts'
import { configSchema } from '../src/config.ts'
import { DECISION_CODES } from '../src/entitlement/decision-code.ts'
import { ERROR_CODES } from '../src/errors.ts'

const README = join(import.meta.dirname, '..', 'README.md')
const BEGIN = '<!-- codes -->'
const END = '<!-- /codes -->'
const COMMAND = 'npm run -s kiemthe -- codes'

/** What is wrong with a README, or null: it holds the tables between its marks, once, as the code says them. */
function oldness(readme: string, tables: string): string | null {
  const parts = readme.split(BEGIN)
  const [inside = '', ...more] = (parts[1] ?? '').split(END)
  if (parts.length !== 2 || more.length !== 1) return `README.md must hold ${BEGIN} and ${END} once, in this order`
  if (inside.trim() === tables.trim()) return null
  return `the code tables of README.md are old: put the output of \`${COMMAND}\` between ${BEGIN} and ${END}`
}

test('the README holds the tables of codes as they are in the code', () => {
  expect(oldness(readFileSync(README, 'utf8'), codeTables())).toBeNull()
})

describe('the check itself', () => {
  test.each([
    ['as printed', `# x\n\n${BEGIN}\na\n${END}\n`, null],
    ['other white space around', `${BEGIN}\n\na\n\n${END}`, null],
    ['an old table', `${BEGIN}\nb\n${END}`, COMMAND],
    ['no marks', 'a', BEGIN],
    ['marks the wrong way round', `${END}\na\n${BEGIN}`, BEGIN],
    ['two tables', `${BEGIN}\na\n${END}\n${BEGIN}\na\n${END}`, BEGIN],
  ])('%s', (_, readme, says) => {
    const said = oldness(readme, 'a')
    if (says === null) expect(said).toBeNull()
    else expect(said).toContain(says)
  })
})

test('the tables name every code once, and every row has as many cells as its head', () => {
  const tables = codeTables()
  for (const code of [...Object.keys(DECISION_CODES), ...ERROR_CODES]) {
    expect(tables.split(`\n| \`${code}\` |`)).toHaveLength(2)
  }
  for (const table of tables.split('\n\n').filter((part) => part.startsWith('|'))) {
    const cells = table.split('\n').map((line) => line.replaceAll('\\|', '').split('|').length)
    expect(new Set(cells).size).toBe(1)
  }
})

test('every setting of the configuration stands in the README', () => {
  const readme = readFileSync(README, 'utf8')
  const missing = Object.keys(configSchema.shape).filter((name) => !readme.includes(`\`${name}\``))
  expect(missing).toEqual([])
})

describe('links of the pages', () => {
  const root = join(import.meta.dirname, '..')
  const pages = globSync('{README.md,{src,ops,loadtest,mocks}/**/README.md}', { cwd: root })
  /** As renderers of Markdown make anchors: lower case, punctuation gone, a hyphen for a space. */
  const anchor = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-')
  const anchors = (page: string) =>
    [...readFileSync(join(root, page), 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchor(heading))

  test.each(pages)('%s: each leads to a file, and to a heading in it', (page) => {
    const links = [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)]
    const broken = links.flatMap(([link, path = '', heading]) => {
      const target = path === '' ? page : relative(root, join(root, dirname(page), path))
      if (!existsSync(join(root, target))) return [link]
      return heading === undefined || anchors(target).includes(heading) ? [] : [link]
    })
    expect(broken).toEqual([])
  })
})
