import { z } from 'zod'
import { MANIFEST_CHARACTERS_MAX } from './manifest.ts'

/** The insurer's own limits are not known: a list is short, a delta of 50,000 rows packed 5 MB, 30 s at 1.5 Mbit/s. */
const LIST_TIMEOUT_MS = 10_000
const FILE_TIMEOUT_MS = 60_000
const MANIFESTS_MAX = 100

/** The insurer could not be asked, or answered what no insurer answers. Tried again later. */
export class FeedUnreachable extends Error {}

/** Manifests of a feed above a sequence, in order: `src/sync/README.md`. */
export async function listManifests(feedUrl: string, feed: string, after: number): Promise<string[]> {
  const response = await get(new URL(`manifests?feed=${feed}&after=${after}`, withSlash(feedUrl)), LIST_TIMEOUT_MS)
  let json: unknown
  try {
    json = JSON.parse(await response.text())
  } catch (cause) {
    throw new FeedUnreachable('the list of manifests is not JSON, or broke off', { cause })
  }
  const list = z.array(z.string().max(MANIFEST_CHARACTERS_MAX)).max(MANIFESTS_MAX).safeParse(json)
  if (!list.success) throw new FeedUnreachable('the list of manifests is no array of texts')
  return list.data
}

export async function* fetchFile(feedUrl: string, file: string): AsyncGenerator<Uint8Array> {
  const response = await get(new URL(`files/${file}`, withSlash(feedUrl)), FILE_TIMEOUT_MS)
  if (response.body === null) return
  try {
    yield* response.body
  } catch (cause) {
    throw new FeedUnreachable('the data file broke off', { cause })
  }
}

async function get(url: URL, timeoutMs: number): Promise<Response> {
  let response: Response
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' })
  } catch (cause) {
    throw new FeedUnreachable('the insurer cannot be reached', { cause })
  }
  if (response.ok) return response
  await response.body?.cancel()
  throw new FeedUnreachable(`the insurer answered ${response.status}`)
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`
}
