/** Why `serve` refuses to start; each line is for the operator. */
export class StartError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}
