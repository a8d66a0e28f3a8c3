import { parseArgs } from 'node:util'
import { FIELD_CASES, wrongOf } from './dossier-breaks.ts'

/** Each field of each generated dossier broken in every way, and what is found of it. Ends with 1 where it is something else. */
export async function dossiers(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { dossiers: { type: 'string', default: '200' } } })
  const began = performance.now()
  const wrong: string[] = []
  for (let n = 0; n < Number(values.dossiers); n++) {
    for (const each of FIELD_CASES) wrong.push(...(await wrongOf(each, n)))
  }
  const seconds = Math.round((performance.now() - began) / 1_000)
  const fields = FIELD_CASES.length
  process.stdout.write(`${JSON.stringify({ dossiers: Number(values.dossiers), fields, seconds, wrong }, null, 2)}\n`)
  if (wrong.length > 0) process.exitCode = 1
}
