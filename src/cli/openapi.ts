import { readFile, writeFile } from 'node:fs/promises'

const SNAPSHOT = new URL('../http/openapi.json', import.meta.url)

/** `npm run openapi`: writes the snapshot anew. The application loads it, so a broken one is emptied first. */
await readFile(SNAPSHOT, 'utf8')
  .then(JSON.parse)
  .catch(() => writeFile(SNAPSHOT, '{}\n'))
const { openApiDocument } = await import('./openapi-document.ts')
await writeFile(SNAPSHOT, openApiDocument())
