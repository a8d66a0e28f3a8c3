import type { Config } from '../config.ts'

/** pino's levels: one reader of logs serves both hosts. */
const LEVELS = { info: 30, warn: 40, error: 50, silent: 100 } as const

/** One JSON line, as pino writes it on Node; the platform collects what the console is told. */
export function writeLog(
  wanted: Config['logLevel'],
  level: 'info' | 'error',
  fields: Readonly<Record<string, unknown>>,
  msg: string,
): void {
  if (LEVELS[level] < LEVELS[wanted]) return
  console.log(JSON.stringify({ level: LEVELS[level], time: new Date().toISOString(), ...fields, msg }))
}
