import { issueAccessToken, TOKEN_LIFE_SECONDS } from '../access/access-token.ts'
import { ROLE_SCOPES, readClientId } from '../access/principal.ts'
import { importTokenKeys } from '../access/token-keys.ts'
import { configSchema } from '../config.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, dataFolder, tokenKeysOf } from './data-folder.ts'
import { readDemoClients } from './demo-clients.ts'
import { UsageError } from './usage-error.ts'

/**
 * `kiemthe token`: an access token of the demo, made with the keys in its folder; no server is asked. In life a client
 * proves itself at POST /oauth/token. Prints the token and nothing else; `all`: one a line, in the catalogue's order.
 */
export async function token(args: string[]): Promise<void> {
  const { values } = readArguments(args, {
    facility: { type: 'string' },
    auditor: { type: 'boolean' },
    feed: { type: 'boolean' },
    ops: { type: 'boolean' },
    data: { type: 'string', default: DATA_FOLDER },
  })
  const folder = dataFolder(values.data)
  const clients = await readDemoClients(folder)
  if (clients === null)
    throw new UsageError(`${folder.path} holds no demo; run \`npm start\` first, or name it with --data`)
  const keys = await importTokenKeys(await tokenKeysOf(folder))
  const serviceId = configSchema.shape.SERVICE_ID.parse(process.env['SERVICE_ID'])
  const now = new Date()
  const lines: string[] = []
  for (const clientId of wanted(values, Object.keys(clients))) {
    const keyId = clients[clientId]?.kid
    const client = readClientId(clientId)
    if (keyId === undefined || client === null) throw new UsageError(`the demo knows no ${clientId}`)
    lines.push(
      await issueAccessToken(keys, serviceId, now, {
        clientId,
        keyId,
        scopes: ROLE_SCOPES[client.role],
        lifeSeconds: TOKEN_LIFE_SECONDS,
      }),
    )
  }
  process.stdout.write(`${lines.join('\n')}\n`)
}

interface Wanted {
  readonly facility?: string | undefined
  readonly auditor?: boolean | undefined
  readonly feed?: boolean | undefined
  readonly ops?: boolean | undefined
}

function wanted(values: Wanted, known: readonly string[]): readonly string[] {
  const asked = [
    values.facility === 'all' ? known.filter((each) => each.startsWith('facility:')) : null,
    values.facility !== undefined && values.facility !== 'all' ? [`facility:${values.facility}`] : null,
    values.auditor ? ['auditor:demo'] : null,
    values.feed ? ['feed:vss'] : null,
    values.ops ? ['ops:demo'] : null,
  ].filter((each) => each !== null)
  const [only] = asked
  if (asked.length !== 1 || only === undefined) {
    throw new UsageError('exactly one of --facility CODE, --facility all, --auditor, --feed, --ops')
  }
  return only
}
