import { z } from 'zod'
import { instant, text, verificationAnswerSchema } from '../verification/answer-schema.ts'

const { decision, code, cause, coverages, serviceDate, checkedAt, id, desk, integrator } =
  verificationAnswerSchema.shape

const saidSchema = z.strictObject({ serviceDate, decision, code, cause, coverages })

export const visitChangesSchema = z
  .strictObject({
    items: z
      .array(
        z.strictObject({
          visitId: text.max(100).meta({ description: "The facility's own." }),
          verificationId: id,
          checkedAt,
          atCheck: saidSchema.meta({ description: 'What the latest check of the visit was answered.' }),
          today: saidSchema.meta({ description: 'What the copy says for today.' }),
          knownSince: instant.meta({ description: 'Since when our copy has known the change.' }),
          desk,
          integrator,
        }),
      )
      .max(100)
      .readonly(),
    nextCursor: z.string().max(400).meta({ description: 'Ask with it later: only what is new is told.' }),
    more: z.boolean().meta({ description: 'There is more at once, behind `nextCursor`.' }),
    through: z.strictObject({ log: text.max(5), index: z.int().min(0), syncedAt: instant.nullable() }).meta({
      description:
        'What was looked through: entries of `log` below `index` (and all of the logs before it), and syncs up to `syncedAt`.',
    }),
  })
  .meta({ id: 'VisitChanges' })
