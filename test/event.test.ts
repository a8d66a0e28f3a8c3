import { describe, expect, test } from 'vitest'
import { ServiceError } from '../src/errors.ts'
import { describeFailure } from '../src/event.ts'

const NUMBER = '038090001234'

describe('what is said of a failure', () => {
  test('its name, its SQL state, and where it happened; never its message', () => {
    const failure = describeFailure(Object.assign(new TypeError(`bad ${NUMBER}`), { code: '22P02' }))
    expect(failure).toMatchObject({ name: 'TypeError', sqlState: '22P02' })
    expect(failure.frames[0]).toMatch(/^at .*event\.test\.ts:\d+:\d+/)
    expect(failure.frames.length).toBeLessThanOrEqual(8)
    expect(JSON.stringify(failure)).not.toContain(NUMBER)
  })

  test('of our own error the cause is what is to be mended', () => {
    const cause = Object.assign(new RangeError('x'), { code: '57P01' })
    expect(describeFailure(new ServiceError('log_unavailable', { cause }))).toMatchObject({
      name: 'RangeError',
      sqlState: '57P01',
    })
    expect(describeFailure(new ServiceError('internal'))).toMatchObject({ name: 'Error', sqlState: null })
  })

  test.each([
    ['a message that looks like frames', new Error(`x\n    at ${NUMBER} (a.ts:1:1)`)],
    ['the same from PostgreSQL', Object.assign(new Error(`invalid input: "\n    at ${NUMBER}"`), { code: '22P02' })],
    ['a message that begins like the stack', new Error(`Error: x\n    at ${NUMBER}:1:1`)],
    ['a message that was changed afterwards', Object.assign(new Error(`\n    at ${NUMBER}`), { message: 'other' })],
    ['a cause of such a kind', new ServiceError('internal', { cause: new Error(`\n    at ${NUMBER}`) })],
  ])('%s is not logged', (_, error) => {
    expect(JSON.stringify(describeFailure(error))).not.toContain(NUMBER)
  })

  test('an empty message still has its frames', () => {
    expect(describeFailure(new Error('')).frames.length).toBeGreaterThan(0)
  })

  test.each([
    ['a text', NUMBER, 'string'],
    ['nothing', undefined, 'undefined'],
    ['an object', { message: NUMBER, code: NUMBER }, 'object'],
    ['a rejected cause that is no error', new ServiceError('internal', { cause: NUMBER }), 'string'],
  ])('%s was thrown: its type, no more', (_, thrown, name) => {
    expect(describeFailure(thrown)).toEqual({ name, sqlState: null, frames: [] })
  })

  test('a code that is no text is no SQL state', () => {
    expect(describeFailure(Object.assign(new Error('x'), { code: 42 })).sqlState).toBeNull()
  })

  test('an error without a stack is described all the same', () => {
    const bare = new Error('x')
    delete bare.stack
    expect(describeFailure(bare)).toEqual({ name: 'Error', sqlState: null, frames: [] })
  })
})
