import type { OpenLoopRun } from '../open-loop/open-loop.ts'
import type { Phase } from './phase.ts'
import type { Budget, Figure, Figures } from './report.ts'

export interface OptionOf {
  readonly default: string
  readonly what: string
}

/** What a scenario is given, and where it tells what it saw. */
export interface Frame {
  readonly text: (option: string) => string
  /** A number, 0 or more; anything else ends the command. */
  readonly number: (option: string) => number
  readonly say: (line: string) => void
  /** A line that the next one overwrites, where there is a terminal. */
  readonly progress: (line: string) => void
  readonly figure: (name: string, figure: Figure) => void
  readonly phase: (phase: Phase) => void
  /** Of an open loop: its phase, and whether it may be believed. */
  readonly opened: (run: OpenLoopRun) => Phase
  /** What a program takes, a row a second, from now on. */
  readonly watch: (name: string, pid: () => number | null) => void
  readonly note: (line: string) => void
}

/**
 * One line in the table of `cli.ts`. A scenario with `options` is given them by its frame; one without reads `args` itself.
 * Whatever it returns, or tells the frame, stands in the report.
 */
export interface Scenario {
  /** One line. */
  readonly what: string
  readonly options?: Readonly<Record<string, OptionOf>>
  /** What will be done, before it is: rate, duration, people, facilities, expected load. */
  readonly plan?: (frame: Frame) => readonly string[]
  readonly budgets?: readonly Budget[]
  // biome-ignore lint/suspicious/noConfusingVoidType: campaigns that only say what they saw return nothing
  readonly run: (args: string[], frame: Frame) => Promise<Figures | void>
}
