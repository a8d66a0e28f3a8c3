import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import { run } from './run.ts'

/**
 * What `npm run build` makes one program of, `.kiemthe-build/kiemthe.mjs`: the server without its five hundred files, whose
 * finding, reading and linking is almost half of a start. Nothing in it may look for a file beside its source.
 */
enableCompileCache(fileURLToPath(new URL('compiled', import.meta.url)))

run(
  {
    serve: { what: 'answer requests; all by environment', load: async () => (await import('./serve.ts')).serve },
  },
  process.argv.slice(2),
)
