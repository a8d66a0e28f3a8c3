import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { isScanCode, SCAN_CODES, type ScanCode } from '../../mocks/province/expected.ts'
import { mrzText } from '../../mocks/province/mrz.ts'
import type { Person } from '../../mocks/province/person.ts'
import { chipIdQrText } from '../../mocks/province/qr.ts'
import { type Population, peopleByScan } from '../../mocks/province/sampling.ts'
import { type IsoDate, parseIsoDate, todayInVietnam } from '../calendar.ts'
import { UsageError } from './usage-error.ts'

const COUNT_MAX = 1_000_000
const CARDS_MAX = 100_000_000
/** The province's own report (domain §6). */
const CARDS_DEFAULT = 3_256_000
const SEED_DEFAULT = 'thanh-hoa'

/** What `demo` writes beside its database. */
const demoFile = z.object({
  seed: z.union([z.string(), z.int()]),
  baseDate: z.string().transform((text, context): IsoDate => {
    const date = parseIsoDate(text)
    if (date !== null) return date
    context.addIssue('not a day YYYY-MM-DD')
    return z.NEVER
  }),
  cards: z.int().min(1).max(CARDS_MAX),
})

/**
 * `kiemthe sample`: synthetic people of the demo province, one JSON object a line, with what a scan of their chip ID must
 * give. Computed, not read: no database is needed, and a running demo has the same people.
 */
export async function sample(args: string[]): Promise<void> {
  const options = readOptions(args)
  const demo = await readDemo(options.data)
  const population = {
    province: { seed: options.seed ?? demo.seed, baseDate: demo.baseDate },
    records: options.cards ?? demo.cards,
  }
  let written = 0
  function* chunks(): Generator<string> {
    for (const lines of inChunks(peopleByScan(population, options.code), options.count)) {
      written += lines.length
      yield lines.map((someone) => `${JSON.stringify(lineOf(someone, population))}\n`).join('')
    }
  }
  try {
    // Left open: stdout is the process's, not ours.
    await pipeline(Readable.from(chunks()), process.stdout, { end: false })
  } catch (error) {
    // `| head` has seen enough.
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return
    throw error
  }
  if (written < options.count) process.stderr.write(`the province has only ${written} of them\n`)
}

interface Options {
  readonly count: number
  readonly code: ScanCode | null
  readonly data: string
  readonly seed: string | undefined
  readonly cards: number | undefined
}

function readOptions(args: string[]): Options {
  const { count, code, data, seed, cards } = parsed(args)
  if (code !== undefined && !isScanCode(code)) {
    throw new UsageError(`--code ${code}: no scan of a chip ID gives it. Possible: ${SCAN_CODES.join(', ')}`)
  }
  return {
    count: wholeNumber('--count', count, COUNT_MAX),
    code: code ?? null,
    data,
    seed,
    cards: cards === undefined ? undefined : wholeNumber('--cards', cards, CARDS_MAX),
  }
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        count: { type: 'string', default: '10' },
        code: { type: 'string' },
        data: { type: 'string', default: '.kiemthe' },
        seed: { type: 'string' },
        cards: { type: 'string' },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'sample: bad arguments')
  }
}

function wholeNumber(option: string, text: string, max: number): number {
  const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0
  if (number < 1 || number > max) throw new UsageError(`${option} ${text}: a whole number from 1 to ${max}`)
  return number
}

export async function readDemo(directory: string): Promise<z.infer<typeof demoFile>> {
  const path = join(directory, 'demo.json')
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    return { seed: SEED_DEFAULT, baseDate: todayInVietnam(new Date()), cards: CARDS_DEFAULT }
  }
  const demo = demoFile.safeParse(jsonOf(text))
  if (!demo.success) throw new UsageError(`${path}: ${z.prettifyError(demo.error)}`)
  return demo.data
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const LINES_PER_WRITE = 200

function* inChunks(people: Iterable<Person>, count: number): Generator<Person[]> {
  let chunk: Person[] = []
  let left = count
  for (const someone of people) {
    chunk.push(someone)
    if (--left === 0) break
    if (chunk.length === LINES_PER_WRITE) {
      yield chunk
      chunk = []
    }
  }
  if (chunk.length > 0) yield chunk
}

/** Name and birth date as the scan presents them, so a mismatch is one for typed evidence too. */
function lineOf(someone: Person, { province }: Population) {
  const { citizenId, fullName, dateOfBirth, sex, coverages, expected } = someone
  return {
    citizenId,
    fullName,
    dateOfBirth,
    sex,
    qr: chipIdQrText(someone),
    mrz: mrzText(someone),
    // null for people without a record
    cardNumber: coverages[0]?.cardNumber ?? null,
    serviceDate: province.baseDate,
    expected,
  }
}
