import { StartError } from '../host/start-error.ts'
import { EmbeddedError, systemCode } from './embedded/error.ts'
import { UsageError } from './usage-error.ts'

type Command = (args: string[]) => Promise<void>

export type Commands = Readonly<Record<string, { readonly what: string; readonly load: () => Promise<Command> }>>

const EXIT_USAGE = 2
const EXIT_FAILURE = 1

async function main(commands: Commands, argv: string[]): Promise<void> {
  const [name = '', ...args] = argv
  const command = commands[name]
  if (name === '--help' || args.includes('--help'))
    return say(command === undefined ? help(commands) : lineOf(name, command.what))
  if (command === undefined)
    throw new UsageError(name === '' ? help(commands) : `no command ${name}\n\n${help(commands)}`)
  await (await command.load())(args)
}

function help(commands: Commands): string {
  const lines = Object.entries(commands).map(([name, { what }]) => `  ${lineOf(name, what)}`)
  return `kiemthe COMMAND [options]\n\n${lines.join('\n')}`
}

function lineOf(name: string, what: string): string {
  return `${name.padEnd(10)} ${what}`
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** People read this: what is wrong and what to do, no stack unless it is our own fault. */
async function explain(error: unknown): Promise<{ readonly text: string; readonly code: number }> {
  if (error instanceof UsageError) return { text: error.message, code: EXIT_USAGE }
  const { ConfigError } = await import('../config.ts') // loaded already by whoever threw it
  if (error instanceof ConfigError) {
    return { text: [error.message, ...error.problems.map((each) => `  ${each}`)].join('\n'), code: EXIT_USAGE }
  }
  if (error instanceof StartError || error instanceof EmbeddedError) return { text: error.message, code: EXIT_FAILURE }
  const code = systemCode(error)
  if (error instanceof Error && code !== undefined && NOT_OUR_FAULT.test(code)) {
    // `localhost` is tried under several addresses: one error each, and none of its own
    const causes: unknown[] = error instanceof AggregateError ? error.errors : [error]
    const messages = causes.map((each) => (each instanceof Error ? each.message : String(each)))
    return { text: messages.join('; '), code: EXIT_FAILURE }
  }
  return { text: error instanceof Error ? (error.stack ?? error.message) : String(error), code: EXIT_FAILURE }
}

/** A file, a server or a login that is not as it should be; the message names it, and no password. */
const NOT_OUR_FAULT = /^(E[A-Z]{4,}|CONNECT_TIMEOUT|CONNECTION_[A-Z]+|28[0-9A-Z]{3}|3D000|53300|57P03)$/

/** One of the commands, by the arguments; an error is said to people and ends the process. */
export function run(commands: Commands, argv: string[]): void {
  main(commands, argv).catch(async (error: unknown) => {
    const { text, code } = await explain(error)
    process.stderr.write(`kiemthe: ${text}\n`)
    // not `exitCode`: what the command left open (a pool, a channel to its crew) must not keep a failed process alive
    process.exit(code)
  })
}
