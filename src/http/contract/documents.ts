import { z } from 'zod'
import type { Contract } from '../route.ts'

const page = z.string().max(1_000_000)
const pages = {
  200: {
    description: 'A page of HTML, without scripts.',
    contentType: 'text/html',
    schema: page,
    examples: { page: { summary: 'Its beginning', value: '<!doctype html>' } },
  },
} as const

export const showOpenApiContract: Contract = {
  operationId: 'showOpenApi',
  tag: 'Documents',
  summary: 'This document',
  description: 'OpenAPI 3.1.',
  answers: {
    200: {
      description: 'The document.',
      contentType: 'application/json',
      schema: z
        .looseObject({ openapi: z.literal('3.1.0'), info: z.looseObject({}), paths: z.looseObject({}) })
        .meta({ id: 'OpenApi' }),
      examples: { one: { summary: 'Its beginning', value: { openapi: '3.1.0', info: {}, paths: {} } } },
    },
  },
  problems: [],
  database: false,
}

export const showDocsContract: Contract = {
  operationId: 'showDocs',
  tag: 'Documents',
  summary: 'The reference, for people',
  description: 'Operations, examples, schemas and decision codes.',
  answers: pages,
  problems: [],
  database: false,
}

export const showProblemsContract: Contract = {
  operationId: 'showProblems',
  tag: 'Documents',
  summary: 'All problem codes, for people',
  description: 'Where the `type` of a problem leads; each code is an anchor.',
  answers: pages,
  problems: [],
  database: false,
}
