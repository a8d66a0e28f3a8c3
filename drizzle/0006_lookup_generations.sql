ALTER TABLE "alias" ADD COLUMN "renamed_to" smallint;--> statement-breakpoint
ALTER TABLE "alias_change" ADD COLUMN "renamed_to" smallint;--> statement-breakpoint
ALTER TABLE "coverage" ADD COLUMN "renamed_to" smallint;--> statement-breakpoint
ALTER TABLE "feed_watermark" ADD COLUMN "lookup_generation" smallint;