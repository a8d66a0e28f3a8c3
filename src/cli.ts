import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import { type Commands, run } from './cli/run.ts'

/**
 * What one process compiled the next one takes: a start costs two thirds, and a demo is six processes. Beside the code,
 * writable for whoever may change that; in the common /tmp somebody else could put code. Where it cannot be written there
 * is none. Only what is loaded from here on gains: this file imports next to nothing.
 */
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url)))

/** The list of commands; each is loaded only when it is asked for. */
const COMMANDS: Commands = {
  demo: {
    what: 'the demo province on this machine (npm start): --cards --port --data --seed --delta-every SECONDS --still',
    load: async () => (await import('./cli/demo.ts')).demo,
  },
  edge: {
    what: 'the Worker under `wrangler dev` on the demo (npm run dev:edge): the options of demo',
    load: async () => (await import('./cli/edge.ts')).edge,
  },
  serve: { what: 'answer requests; all by environment', load: async () => (await import('./cli/serve.ts')).serve },
  recheck: {
    what: 'look visits up again whose look-up failed; the environment of serve: --once --rebuild',
    load: async () => (await import('./cli/recheck.ts')).recheck,
  },
  seal: {
    what: 'sign checkpoints of the log, as kiemthe_sealer: DATABASE_URL SEAL_KEY_FILE SEAL_MARK_FILE, --once',
    load: async () => (await import('./cli/seal.ts')).seal,
  },
  project: {
    what: 'make what auditors search, as kiemthe_projector: DATABASE_URL DATA_KEYS_FILE, --once --rebuild',
    load: async () => (await import('./cli/project.ts')).projectCommand,
  },
  witness: {
    what: "cosign checkpoints of somebody else's log: WITNESS_NAME WITNESS_FOLDER WITNESS_LOGS HOST PORT",
    load: async () => (await import('./cli/witness.ts')).witness,
  },
  'verify-proof': {
    what: 'FILE --keys FILE: whether a proof holds, without asking anybody: --entry FILE | --answer FILE, --growth FILE',
    load: async () => (await import('./cli/verify-proof.ts')).verifyProof,
  },
  import: {
    what: "take the insurer's feed, or its catalogue of facilities, from files: MANIFEST | --rollback WHY; --accept-shrink WHY --shrink-max PERCENT",
    load: async () => (await import('./cli/import.ts')).importCommand,
  },
  pull: {
    what: 'apply pushed deltas, and fetch those the insurer offers: --url --every SECONDS --once',
    load: async () => (await import('./cli/pull.ts')).pull,
  },
  send: {
    what: 'send shared claims to the insurer, as kiemthe_sender: --once --rebuild | list | retry ID… --all --reason WHY',
    load: async () => (await import('./cli/send.ts')).send,
  },
  quarantine: {
    what: 'list | replay: rows of the feed that could not be taken',
    load: async () => (await import('./cli/quarantine.ts')).quarantine,
  },
  migrate: {
    what: 'make a database ready: roles, schema, key files',
    load: async () => (await import('./cli/migrate.ts')).migrate,
  },
  token: {
    what: 'an access token of the demo: --facility CODE|all | --auditor | --feed | --ops',
    load: async () => (await import('./cli/token.ts')).token,
  },
  facility: {
    what: 'add | rotate-key | revoke CODE…: one-time codes, keys; add --all --province 38',
    load: async () => (await import('./cli/facility.ts')).facility,
  },
  client: {
    what: 'add | rotate-key | revoke feed:NAME, auditor:NAME, ops:NAME: the same for whoever is no facility; --hiv',
    load: async () => (await import('./cli/client.ts')).client,
  },
  enrol: {
    what: 'in the client’s house: make a key pair and register it: --url --client --code',
    load: async () => (await import('./cli/enrol.ts')).enrol,
  },
  erase: {
    what: "REQUEST: a person's details go from the log, numbers on stdin: --reason --dry-run | --scrub",
    load: async () => (await import('./cli/erase.ts')).erase,
  },
  hold: {
    what: 'place | lift CASE, list: what may not be erased: --reason --facility CODE --everything',
    load: async () => (await import('./cli/hold.ts')).hold,
  },
  'subject-report': {
    what: 'REQUEST: all that is held about a person, as JSON; numbers on stdin',
    load: async () => (await import('./cli/subject-report.ts')).subjectReport,
  },
  'breach-scope': {
    what: 'whom a client saw in a time, for a notice of breach: --client --from --to --list',
    load: async () => (await import('./cli/breach-scope.ts')).breachScopeCommand,
  },
  retention: {
    what: 'which details are past their time: --erase REQUEST --reason TEXT',
    load: async () => (await import('./cli/retention.ts')).retention,
  },
  fsck: {
    what: 'recompute the whole log and say what is wrong: --export FILE --keys FILE --checkpoint FILE --without-details',
    load: async () => (await import('./cli/fsck.ts')).fsckCommand,
  },
  export: {
    what: 'the log as a file, to be checked elsewhere: FILE --log N',
    load: async () => (await import('./cli/export.ts')).exportLog,
  },
  log: {
    what: 'succeed | accept-behind --reason TEXT: for a log that was restored from an older backup',
    load: async () => (await import('./cli/log.ts')).log,
  },
  keys: {
    what: 'list | rotate token|seal|lookup|checkpoint: the service’s own keys: --wait --at-once --data',
    load: async () => (await import('./cli/keys.ts')).keys,
  },
  dossier: {
    what: 'a made-up dossier of QĐ 3176, signed by a demo key (--facility --visit --check-in --hiv)',
    load: async () => (await import('./cli/dossier.ts')).dossier,
  },
  sample: {
    what: 'synthetic people with the decision they must get: --count --code',
    load: async () => (await import('./cli/sample.ts')).sample,
  },
  codes: { what: 'the tables of codes, as in the README', load: async () => (await import('./cli/codes.ts')).codes },
}

run(COMMANDS, process.argv.slice(2))
