import { createInterface } from 'node:readline'
import { UsageError } from './usage-error.ts'

/** As many as one person may have had: personal numbers, identity cards, insurance numbers. */
const NUMBERS_MAX = 20

/**
 * A person's numbers, one a line on standard input: arguments of a command can be read by everybody on the machine and
 * stay in the shell's history.
 */
export async function readNumbers(input: NodeJS.ReadStream = process.stdin): Promise<string[]> {
  if (input.isTTY) process.stderr.write('numbers of the person, one a line; end with an empty line:\n')
  const numbers: string[] = []
  const lines = createInterface({ input })
  for await (const line of lines) {
    const number = line.replaceAll(' ', '').trim()
    if (number === '') {
      if (input.isTTY) break
      continue
    }
    // the line itself is not shown: what is mistyped is a person's number all the same
    if (!/^(\d{9}|\d{10}|\d{12})$/.test(number)) {
      throw new UsageError(`line ${numbers.length + 1} has no number of 9, 10 or 12 digits`)
    }
    numbers.push(number)
    if (numbers.length > NUMBERS_MAX) throw new UsageError(`more than ${NUMBERS_MAX} numbers: one person at a time`)
  }
  lines.close()
  return numbers
}
