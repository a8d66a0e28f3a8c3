import cluster from 'node:cluster'
import { once } from 'node:events'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { jwtVerify } from 'jose'
import postgres from 'postgres'
import { importTokenKeys, tokenKeysSchema } from '../../src/access/token-keys.ts'
import { readSecret } from '../../src/cli/data-folder.ts'
import { readConfig } from '../../src/config.ts'
import { dataKeysSchema, deriveDataKeys, lookupKey } from '../../src/data-keys.ts'

/**
 * The control "the obvious design": Hono, a pool of connections, and for each request one SELECT and two INSERTs, each
 * awaited. It is spared what it could not do without our columns: names are not compared, nothing is sealed or hashed, no
 * receipt is made, bodies are not bounded, nobody is counted. Same copy, same tokens, as many processes, an answer of as
 * many bytes; its log is in the schema `loadtest_obvious`. Environment as of `kiemthe serve`, and ANSWER_BYTES.
 */
const config = readConfig(process.env)
const answerBytes = Number(process.env['ANSWER_BYTES'])

if (cluster.isPrimary) {
  cluster.setupPrimary({ stdio: ['ignore', 2, 2, 'ipc'] })
  const crew = Array.from({ length: config.processes }, () => cluster.fork(process.env))
  process.on('SIGTERM', () => {
    for (const worker of crew) worker.process.kill('SIGKILL')
    process.exit()
  })
  await Promise.all(crew.map((worker) => once(worker, 'listening')))
  process.stderr.write(`ready http://${config.host}:${config.port}\n`)
} else {
  const [data, token] = await Promise.all([
    readSecret(config.dataKeysFile, dataKeysSchema),
    readSecret(config.tokenKeysFile, tokenKeysSchema),
  ])
  if (data === null || token === null) throw new Error('the keys of the province')
  const dataKeys = deriveDataKeys(data)
  const { verifying } = await importTokenKeys(token)
  const sql = postgres(config.databaseUrl, { max: 10 })
  const app = new Hono()
  app.post('/v1/verifications', async (c) => {
    const bearer = (c.req.header('authorization') ?? '').slice('Bearer '.length)
    const { payload } = await jwtVerify(bearer, ({ kid }) => {
      const key = verifying.get(kid ?? '')
      if (key === undefined) throw new Error('an unknown key')
      return key
    })
    const { evidence, serviceDate, purpose } = await c.req.json<{
      evidence: { text: string }
      serviceDate: string
      purpose: string
    }>()
    const subject = lookupKey(dataKeys, evidence.text.split('|')[0] ?? '')
    const rows = await sql`
      select coverage_no, "group", level, registered_facility, valid_from, valid_to, status
        from coverage where subject = ${subject}::uuid and known_to = 'infinity'`
    const inForce = rows.some(
      (row) => row['status'] === 'active' && (row['valid_to'] === null || row['valid_to'] >= serviceDate),
    )
    const id = crypto.randomUUID()
    const answer = JSON.stringify({ id, decision: inForce ? 'entitled' : 'notEntitled', coverages: rows })
    await sql`
      insert into loadtest_obvious.entry (id, at, client, decision)
      values (${id}, now(), ${payload.sub ?? ''}, ${inForce ? 'entitled' : 'notEntitled'})`
    await sql`insert into loadtest_obvious.detail (id, subject, purpose, answer) values (${id}, ${subject}::uuid, ${purpose}, ${answer})`
    return c.body(answer.padEnd(answerBytes), 200, { 'content-type': 'application/json' })
  })
  createAdaptorServer({ fetch: app.fetch }).listen(config.port, config.host)
}
