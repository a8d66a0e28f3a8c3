ALTER TABLE "feed_watermark" ADD COLUMN "held_sequence" bigint;--> statement-breakpoint
ALTER TABLE "feed_watermark" ADD COLUMN "refused_sequence" bigint;--> statement-breakpoint
ALTER TABLE "quarantine" ADD COLUMN "resolved_at" timestamp with time zone;