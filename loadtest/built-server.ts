import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** `npm run build`, a second: the program that is deployed. Its only command is `serve`. */
export function buildServer(): string {
  execFileSync('npm', ['run', '-s', 'build'], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
  return fileURLToPath(new URL('../.kiemthe-build/kiemthe.mjs', import.meta.url))
}
