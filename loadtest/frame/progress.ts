/** Without a terminal a line every so often. */
const EVERY_MS = 5_000

/** Live, on stderr: stdout is the report's. */
export function createProgress(to: NodeJS.WriteStream = process.stderr) {
  let shown = false
  let toldMs = 0
  const clear = () => {
    if (shown) to.write('\r\u001b[K')
    shown = false
  }
  return {
    progress: (line: string) => {
      if (to.isTTY) {
        to.write(`\r\u001b[K${line}`)
        shown = true
      } else if (performance.now() - toldMs > EVERY_MS) {
        toldMs = performance.now()
        to.write(`  ${line}\n`)
      }
    },
    say: (line: string) => {
      clear()
      to.write(`${line}\n`)
    },
    clear,
  }
}
