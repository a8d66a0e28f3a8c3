import { ratio } from './ratio.ts'

const SCENARIOS: Readonly<Record<string, { readonly what: string; readonly run: (args: string[]) => Promise<void> }>> =
  {
    ratio: { what: 'verified requests/s ÷ a bare control, in turn', run: ratio },
  }

const [name = '--help', ...args] = process.argv.slice(2)
const scenario = SCENARIOS[name]
if (scenario === undefined) {
  const list = Object.entries(SCENARIOS).map(([each, { what }]) => `  ${each.padEnd(10)} ${what}`)
  process.stdout.write(`npm run loadtest -- SCENARIO [options]\n\n${list.join('\n')}\n`)
  process.exitCode = name === '--help' ? 0 : 2
} else await scenario.run(args)
