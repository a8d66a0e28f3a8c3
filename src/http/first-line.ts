import type { Priority } from '../limits/gate.ts'
import { type Route, routePattern } from './route.ts'

/** What the first line of a request tells: enough to refuse it before anything else of it is looked at. */
export interface Errand {
  /** Of work that needs a token; null: of any other, which the gate does not see. */
  readonly priority: Priority | null
  /** Whether it is never refused unread. */
  readonly always: boolean
  readonly oauth: boolean
}

/** A path that is not ours, or is written in another way than usual: it goes the long way, and is refused there if need be. */
const UNKNOWN: Errand = { priority: null, always: false, oauth: false }

/** An auditor's call of a route that others use too is known by its token alone: the gate itself sees to that. */
export function errandsOf(routes: readonly Route[]): (method: string, url: string) => Errand {
  const plain = new Map<string, Errand>()
  const patterns: { readonly pattern: RegExp; readonly errand: Errand }[] = []
  for (const route of routes) {
    const errand = { priority: priorityOf(route), always: route.always === true, oauth: route.oauth === true }
    const line = `${route.method} ${routePattern(route)}`
    if (!line.includes(':')) plain.set(line, errand)
    else
      patterns.push({
        pattern: new RegExp(`^${line.replaceAll(/:\w+\{\.\+\}/g, '.+').replaceAll(/:\w+/g, '[^/]+')}$`),
        errand,
      })
  }
  return (method, url) => {
    const query = url.indexOf('?')
    const line = `${method === 'HEAD' ? 'GET' : method} ${query < 0 ? url : url.slice(0, query)}`
    return plain.get(line) ?? patterns.find(({ pattern }) => pattern.test(line))?.errand ?? UNKNOWN
  }
}

function priorityOf(route: Route): Priority | null {
  if (route.access === 'public') return null
  return route.access.every((scope) => scope === 'audit') ? 'audit' : (route.priority ?? 'single')
}
