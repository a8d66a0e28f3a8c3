import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

/** A source file as the rules of `architecture.test.ts` see it. */
export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string
  readonly lines: number
  /** Without comments. */
  readonly code: string
  /** Without comments and without what stands in texts and regular expressions: only code is left to search. */
  readonly bare: string
  readonly imports: readonly Import[]
}

export interface Import {
  /** A path from the root of the repository, or the name of a package or of a module of Node. */
  readonly target: string
  readonly isFile: boolean
  /** `import type`: gone at run time. */
  readonly typeOnly: boolean
  readonly reExport: boolean
  /** `import()`, or a thread of its own: not loaded with the file. */
  readonly later: boolean
}

export function readSources(root: string, folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => posix.join(folder, ...name.split(/[\\/]/)))
      .sort()
      .map((path) => sourceFile(path, readFileSync(join(root, path), 'utf8'))),
  )
}

export function sourceFile(path: string, text: string): SourceFile {
  const { code, bare } = stripped(text)
  return { path, lines: text.split('\n').length, code, bare, imports: importsOf(path, code) }
}

const STATEMENT = /^\s*(import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?(['"])([^'"]+)\3/gm
const CALL = /\b(?:import\(\s*|new URL\(\s*)(['"])([^'"]+)\1/g

function importsOf(path: string, code: string): Import[] {
  const statements = [...code.matchAll(STATEMENT)].map(([, keyword, type, , target = '']) => ({
    ...resolved(path, target),
    typeOnly: type !== undefined,
    reExport: keyword === 'export',
    later: false,
  }))
  // a dynamic import, or the file of a worker thread
  const calls = [...code.matchAll(CALL)]
    .map(([, , target = '']) => ({ ...resolved(path, target), typeOnly: false, reExport: false, later: true }))
    .filter((each) => !each.isFile || each.target.endsWith('.ts'))
  return [...statements, ...calls]
}

function resolved(path: string, target: string): { target: string; isFile: boolean } {
  const isFile = target.startsWith('.')
  return { target: isFile ? posix.join(posix.dirname(path), target) : target, isFile }
}

/** After one of these a slash begins a regular expression; after a value it divides. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|void|delete))\s*$/

function stripped(text: string): { code: string; bare: string } {
  let code = ''
  let bare = ''
  let braces = 0
  const templates: number[] = [] // the depth of braces at which each `${` was opened
  let i = 0

  const take = (end: number, instead?: string) => {
    const piece = text.slice(i, end)
    code += piece
    bare += instead ?? piece
    i = end
  }
  /** From behind a backtick or the end of `${}` to the next `${` or the closing backtick. */
  const takeTemplate = () => {
    let end = i
    while (end < text.length && text[end] !== '`' && !text.startsWith('${', end)) end += text[end] === '\\' ? 2 : 1
    take(end, '')
    if (text[i] === '`') return take(i + 1)
    templates.push(braces)
    take(i + 2)
  }

  while (i < text.length) {
    const char = text[i] as string
    if (text.startsWith('//', i)) {
      const end = text.indexOf('\n', i)
      i = end < 0 ? text.length : end
    } else if (text.startsWith('/*', i)) {
      i = text.indexOf('*/', i) + 2
    } else if (char === "'" || char === '"') {
      take(closing(text, i, char), `${char}${char}`)
    } else if (char === '`') {
      take(i + 1)
      takeTemplate()
    } else if (char === '}' && templates.at(-1) === braces) {
      templates.pop()
      take(i + 1)
      takeTemplate()
    } else if (char === '/' && BEFORE_REGEX.test(bare)) {
      take(closingSlash(text, i), '/x/')
    } else {
      if (char === '{') braces++
      if (char === '}') braces--
      take(i + 1)
    }
  }
  return { code, bare }
}

/** The place behind the quote that closes the text beginning at `start`. */
function closing(text: string, start: number, quote: string): number {
  let end = start + 1
  while (end < text.length && text[end] !== quote) end += text[end] === '\\' ? 2 : 1
  return end + 1
}

function closingSlash(text: string, start: number): number {
  let inClass = false
  for (let end = start + 1; end < text.length; end++) {
    const char = text[end]
    if (char === '\\') end++
    else if (char === '[') inClass = true
    else if (char === ']') inClass = false
    else if (char === '/' && !inClass) return end + 1
  }
  return text.length
}
