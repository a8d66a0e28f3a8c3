import { customType, timestamp } from 'drizzle-orm/pg-core'

/** Types of columns that the schema's files share. */
export const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'string' })
