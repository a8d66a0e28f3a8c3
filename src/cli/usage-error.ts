/** The command was called wrongly: the cli prints the message and exits with 2. */
export class UsageError extends Error {}
