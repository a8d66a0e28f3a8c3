import { ED25519, ed25519Verifier, type NoteVerifier, readVerifierKey } from '../signed-note.ts'
import { COSIGNATURE, cosignatureVerifier } from './cosignature.ts'

/**
 * C2SP tlog-policy: whom somebody believes. The sealer reads in it whom to ask, whoever verifies a proof which signatures
 * it must bear: one file, and other programs for transparency logs read it too.
 *
 *     log <key> [<url>]
 *     witness <name> <key> [<url>]
 *     group <name> <number|any|all> <name>…
 *     quorum <name|none>
 */
export interface Policy {
  readonly logs: readonly NoteVerifier[]
  readonly witnesses: readonly PolicyWitness[]
  /** Whether these witnesses are enough. */
  readonly isQuorum: (verifiers: readonly NoteVerifier[]) => boolean
  /** Whether the policy wants any witness at all. */
  readonly wantsWitnesses: boolean
}

export interface PolicyWitness {
  readonly name: string
  readonly verifier: NoteVerifier
  readonly url: string | null
}

/** What the file says wrongly, for whoever wrote it. */
export class PolicyInvalid extends Error {
  override readonly name = 'PolicyInvalid'
}

type Fulfilled = (by: ReadonlySet<NoteVerifier>) => boolean

const CHARACTERS_MAX = 64 * 1024
const NUMBER = /^[1-9]\d{0,2}$/

export function readPolicy(text: string): Policy {
  if (text.length > CHARACTERS_MAX) throw new PolicyInvalid(`more than ${CHARACTERS_MAX} characters`)
  const logs: NoteVerifier[] = []
  const witnesses: PolicyWitness[] = []
  const names = new Map<string, Fulfilled>()
  const members = new Set<string>()
  const publicKeys = new Set<string>()
  let quorum: { readonly name: string; readonly rule: Fulfilled } | null = null

  const define = (name: string | undefined, rule: Fulfilled) => {
    if (name === undefined || name === 'none' || names.has(name)) throw new PolicyInvalid('a name is missing or taken')
    names.set(name, rule)
  }
  const ruleOf = (name: string) => {
    const rule = names.get(name)
    if (rule === undefined) throw new PolicyInvalid(`${name} is not defined before it is used`)
    return rule
  }
  const readLine = (line: string) => {
    const [what, ...words] = line.trim().split(/[ \t]+/)
    switch (what) {
      case 'log': {
        if (words.length > 2) throw new PolicyInvalid('log <key> [<url>]')
        logs.push(verifierOf(words[0], ED25519, publicKeys))
        return
      }
      case 'witness': {
        const [name = '', key, url = null] = words
        if (words.length > 3) throw new PolicyInvalid('witness <name> <key> [<url>]')
        const verifier = verifierOf(key, COSIGNATURE, publicKeys)
        define(name, (by) => by.has(verifier))
        witnesses.push({ name, verifier, url: urlOf(url) })
        return
      }
      case 'group': {
        const [name, threshold = '', ...of] = words
        const wanted = threshold === 'any' ? 1 : threshold === 'all' ? of.length : Number(NUMBER.exec(threshold)?.[0])
        if (!(wanted >= 1 && wanted <= of.length)) throw new PolicyInvalid('group <name> <number|any|all> <name>…')
        const rules = of.map(ruleOf)
        for (const each of of) {
          // a witness counts once, whatever way it is reached
          if (members.has(each)) throw new PolicyInvalid(`${each} is a member twice`)
          members.add(each)
        }
        define(name, (by) => rules.filter((rule) => rule(by)).length >= wanted)
        return
      }
      case 'quorum': {
        const [name = '', ...more] = words
        if (quorum !== null || more.length > 0) throw new PolicyInvalid('quorum <name|none>, once')
        quorum = { name, rule: name === 'none' ? () => true : ruleOf(name) }
        return
      }
      default:
        throw new PolicyInvalid('not log, witness, group or quorum')
    }
  }

  text.split('\n').forEach((line, place) => {
    if (/^[ \t]*(?:#|$)/.test(line)) return
    try {
      readLine(line)
    } catch (error) {
      throw new PolicyInvalid(`line ${place + 1}: ${error instanceof Error ? error.message : 'is not understood'}`)
    }
  })
  return withQuorum(logs, witnesses, quorum)
}

function withQuorum(
  logs: readonly NoteVerifier[],
  witnesses: readonly PolicyWitness[],
  quorum: { readonly name: string; readonly rule: Fulfilled } | null,
): Policy {
  if (quorum === null) throw new PolicyInvalid('there is no quorum line')
  return {
    logs,
    witnesses,
    isQuorum: (verifiers) => quorum.rule(new Set(verifiers)),
    wantsWitnesses: quorum.name !== 'none',
  }
}

function verifierOf(text: string | undefined, type: number, known: Set<string>): NoteVerifier {
  const key = readVerifierKey(text ?? '')
  if (key === null) throw new PolicyInvalid('no verifier key: name+id+base64')
  if (key.type !== type) throw new PolicyInvalid(`a key of kind ${key.type} where one of kind ${type} belongs`)
  const raw = `${type}:${Buffer.from(key.publicKey).toString('hex')}`
  if (known.has(raw)) throw new PolicyInvalid('a key that stands there already')
  known.add(raw)
  return type === COSIGNATURE ? cosignatureVerifier(key.name, key.publicKey) : ed25519Verifier(key.name, key.publicKey)
}

function urlOf(text: string | null): string | null {
  if (text === null) return null
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) throw new PolicyInvalid('not an http address')
  return text.replace(/\/+$/, '')
}
