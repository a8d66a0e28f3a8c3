import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { appendBatch, type Deed, prepare } from '../../src/audit/log.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import { type DataKeys, deriveDataKeys } from '../../src/data-keys.ts'
import { connect, type Sql } from '../../src/db/connect.ts'
import { ServiceError } from '../../src/errors.ts'
import { ageKey, asked, deed, deeds, logState, sound } from '../support/log.ts'
import { startProxy } from '../support/proxy.ts'
import { createWorld, type World } from '../support/service.ts'

let world: World
let keys: DataKeys
const open: Sql[] = []

beforeEach(async () => {
  world = await createWorld([])
  keys = deriveDataKeys(world.dataKeys)
})

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.end({ timeout: 1 })))
  await world?.close()
})

function connection(options: { url?: string; statementTimeoutMs?: number } = {}): Sql {
  const sql = connect(options.url ?? world.appUrl, {
    connectionsMax: 1,
    statementTimeoutMs: options.statementTimeoutMs ?? 0,
    applicationName: 'the append',
  })
  open.push(sql)
  return sql
}

function append(sql: Sql, batch: readonly Deed[]) {
  return appendBatch(
    sql,
    keys,
    batch.map((each) => prepare(keys, each)),
  )
}

async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ServiceError)
  return (error as ServiceError).code
}

async function claims(): Promise<number> {
  const [{ count } = { count: -1 }] = await world.owner<{ count: number }[]>`select count(*) from idempotency`
  return count
}

/** Another session holds the head, so that an append is under way and stays so. */
async function holdHead(): Promise<{ release(): Promise<void>; end(): Promise<void>; untilWaiting(): Promise<void> }> {
  const holder = await world.owner.reserve()
  await holder`begin`
  await holder`select from log_head where log_id = 1 for update`
  return {
    release: async () => {
      await holder`rollback`
      holder.release()
    },
    /** As a succession does: the log grows no more. */
    end: async () => {
      await holder`update log_head set ends_at = size`
      await holder`commit`
      holder.release()
    },
    untilWaiting: () =>
      expect
        .poll(
          async () => {
            const [row] = await world.owner<{ n: number }[]>`
              select count(*) as n from pg_stat_activity
               where datname = current_database() and application_name = 'the append' and wait_event_type = 'Lock'`
            return row?.n
          },
          { interval: 5, timeout: 10_000 },
        )
        .toBe(1),
  }
}

describe('a statement that fails leaves no claim, no growth and no entry', () => {
  const batch = () => [...deeds(7), asked('a'), ...deeds(7), asked('b')]

  async function expectNothingLeft(): Promise<void> {
    expect(await logState(world.owner)).toEqual(sound(0))
    expect(await claims()).toBe(0)
  }

  async function expectAppendsNow(sql: Sql): Promise<void> {
    expect(await append(sql, batch())).toEqual(batch().map((_, index) => ({ outcome: 'appended', logId: 1, index })))
    expect(await logState(world.owner)).toEqual(sound(16))
  }

  test.each(['log_entry', 'entry_detail', 'idempotency'])('when %s may not be written', async (table) => {
    const sql = connection()
    await world.owner.unsafe(`revoke insert on ${table} from kiemthe_app`)
    expect(await failure(append(sql, batch()))).toBe('log_unavailable')
    await expectNothingLeft()
    await world.owner.unsafe(`grant insert on ${table} to kiemthe_app`)
    await expectAppendsNow(sql)
  })

  test.each(['log_entry', 'entry_detail'])('when the disk is full at the last row of %s', async (table) => {
    const sql = connection()
    await failAt(table, 'disk_full', 'new.leaf_index = 15')
    expect(await failure(append(sql, batch()))).toBe('log_unavailable')
    await expectNothingLeft()
    await world.owner.unsafe(`drop trigger fails on ${table}`)
    await expectAppendsNow(sql)
  })

  test('when the head is not there', async () => {
    const sql = connection()
    await world.owner`create table head_aside as table log_head`
    await world.owner`delete from log_head`
    expect(await failure(append(sql, [asked('a')]))).toBe('log_unavailable')
    expect(await failure(append(sql, [deed()]))).toBe('log_unavailable')
    await world.owner`insert into log_head select * from head_aside`
    await world.owner`drop table head_aside`
    await expectNothingLeft()
    await expectAppendsNow(sql)
  })

  test('when the log ends while it waits for the head: it has a successor', async () => {
    const head = await holdHead()
    const sql = connection()
    const waiting = failure(append(sql, [asked('a')]))
    await head.untilWaiting()
    await head.end()
    expect(await waiting).toBe('log_unavailable')
    await world.owner`update log_head set ends_at = null`
    await expectNothingLeft()
    await expectAppendsNow(sql)
  })

  test('when PostgreSQL ends it after its time', async () => {
    const head = await holdHead()
    const sql = connection({ statementTimeoutMs: 200 })
    expect(await failure(append(sql, batch()))).toBe('log_outcome_unknown')
    await head.release()
    await expectNothingLeft()
    await expectAppendsNow(sql)
  })
})

describe('a statement that PostgreSQL rolled back and asks to try again', () => {
  test.each(['serialization_failure', 'deadlock_detected'])('(%s) is tried once more', async (condition) => {
    await world.owner`create sequence tries` // counts on where a rollback forgets
    await world.owner`grant usage on sequence tries to kiemthe_app`
    await failAt('log_entry', condition, "nextval('tries') = 1")
    expect(await append(connection(), [asked('a')])).toEqual([{ outcome: 'appended', logId: 1, index: 0 }])
    expect(await logState(world.owner)).toEqual(sound(1))
  })

  test('and fails again is given up, with nothing written', async () => {
    await failAt('log_entry', 'serialization_failure', 'true')
    expect(await failure(append(connection(), [asked('a')]))).toBe('log_unavailable')
    expect(await logState(world.owner)).toEqual(sound(0))
    expect(await claims()).toBe(0)
  })
})

describe('a connection that dies', () => {
  test('with an append under way: nobody claims to know; a repetition is one entry', async () => {
    const head = await holdHead()
    const batch = [...deeds(3), asked('a')]
    const outcome = failure(append(connection(), batch))
    await head.untilWaiting()
    await world.owner`
      select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'the append'`
    expect(await outcome).toBe('log_outcome_unknown')
    await head.release()
    expect(await logState(world.owner)).toEqual(sound(0))
    expect(await append(connection(), [asked('a')])).toEqual([{ outcome: 'appended', logId: 1, index: 0 }])
    expect(await logState(world.owner)).toEqual(sound(1))
  })

  test('after the commit, before its answer: unknown, and the repetition finds the entry', async () => {
    const proxy = await startProxy(inject('cluster'))
    try {
      const sql = connection({ url: through(proxy.port) })
      await append(sql, [asked('before')]) // prepared: from now on the statement is one message
      proxy.loseAnswers()
      const first = asked('a')
      const outcome = failure(append(sql, [first, deed()]))
      await expect.poll(async () => (await logState(world.owner)).size, { interval: 5 }).toBe(3)
      proxy.breakConnections()
      expect(await outcome).toBe('log_outcome_unknown')
      expect(await append(connection(), [asked('a')])).toMatchObject([
        { outcome: 'repeated', index: 1, details: first.details },
      ])
      expect(await logState(world.owner)).toEqual(sound(3))
    } finally {
      await proxy.close()
    }
  })

  test('while more is written to it (EPIPE, which looks like an SQLSTATE) is unknown too', async () => {
    for (const code of ['EPIPE', 'ECONNRESET', 'CONNECTION_CLOSED', 'CONNECTION_DESTROYED', 'ETIMEDOUT']) {
      expect(await failure(append(brokenBy(Object.assign(new Error(code), { code })), [deed()]))).toBe(
        'log_outcome_unknown',
      )
    }
  })

  test('is made anew for the next append', async () => {
    const sql = connection()
    await append(sql, [deed()])
    await world.owner`
      select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'the append'`
    await sleep(50)
    expect(await append(sql, [deed()])).toEqual([{ outcome: 'appended', logId: 1, index: 1 }])
  })
})

test('a server that cannot be reached was told nothing: the log is unavailable, not unknown', async () => {
  const port = await anyFreePort()
  expect(await failure(append(connection({ url: through(port) }), [deed()]))).toBe('log_unavailable')
})

test('a refused login was told nothing either', async () => {
  const url = new URL(world.appUrl)
  url.password = 'wrong'
  expect(await failure(append(connection({ url: url.href }), [deed()]))).toBe('log_unavailable')
})

describe('one row that cannot be answered does not take its batch with it', () => {
  test('when what it repeats does not open', async () => {
    const sql = connection()
    await append(sql, [asked('damaged')])
    await world.owner`update entry_detail set sealed = '\\x01'`
    const outcomes = await append(sql, [deed(), asked('damaged'), asked('new')])
    expect(outcomes[0]).toEqual({ outcome: 'appended', logId: 1, index: 1 })
    expect(outcomes[1]).toBeInstanceOf(Error)
    expect(outcomes[2]).toEqual({ outcome: 'appended', logId: 1, index: 2 })
  })

  test('when the answer it repeats cannot be read any more', async () => {
    const sql = connection()
    await append(sql, [asked('a')])
    await world.owner`revoke select on entry_detail from kiemthe_app`
    const outcomes = await append(sql, [deed(), asked('a'), deed()])
    expect(outcomes[0]).toEqual({ outcome: 'appended', logId: 1, index: 1 })
    expect(outcomes[1]).toMatchObject({ code: 'log_unavailable' })
    expect(outcomes[2]).toEqual({ outcome: 'appended', logId: 1, index: 2 })
  })

  test('when the key it lost to was swept in between', async () => {
    const sql = connection()
    await append(sql, [asked('swept')])
    await ageKey(world.owner, prepare(keys, asked('swept')).idempotencyKey ?? '', '1 day')
    const swept = sweepBeforeRead(sql)
    const outcomes = await append(swept, [deed(), asked('swept')])
    expect(outcomes[0]).toEqual({ outcome: 'appended', logId: 1, index: 1 })
    expect(outcomes[1]).toMatchObject({ code: 'log_unavailable' })
  })
})

/** The owner's trigger: rows of the table that meet the condition fail as PostgreSQL itself would. */
async function failAt(table: string, condition: string, when: string): Promise<void> {
  await world.owner.unsafe(`
    create function fail() returns trigger language plpgsql as $$
    begin
      if ${when} then raise ${condition}; end if;
      return new;
    end $$;
    create trigger fails before insert on ${table} for each row execute function fail()`)
}

function through(port: number): string {
  const url = new URL(world.appUrl)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  return url.href
}

/** A client whose every statement dies of that; what is only a part of one is not sent. */
function brokenBy(error: Error): Sql {
  const call = ([text = '']: TemplateStringsArray) =>
    text.trimStart().startsWith('with ') ? Promise.reject(error) : null
  return call as unknown as Sql
}

/** Before it is read who holds the keys, all of them are swept. */
function sweepBeforeRead(sql: Sql): Sql {
  const call = (text: TemplateStringsArray, ...values: never[]) => {
    const statement = sql(text, ...values)
    return text.join('').includes('join idempotency')
      ? world.owner`delete from idempotency`.then(() => statement)
      : statement
  }
  return call as unknown as Sql
}
