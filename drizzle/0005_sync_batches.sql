CREATE TABLE "alias_change" (
	"alias" uuid NOT NULL,
	"changed_at" timestamp with time zone NOT NULL,
	"former" uuid,
	CONSTRAINT "alias_change_pkey" PRIMARY KEY("alias","changed_at")
);
--> statement-breakpoint
CREATE UNLOGGED TABLE "alias_stage" (
	"alias" uuid NOT NULL,
	"subject" uuid NOT NULL,
	"position" bigint NOT NULL
);
--> statement-breakpoint
CREATE UNLOGGED TABLE "coverage_stage" (
	"subject" uuid NOT NULL,
	"coverage_no" smallint NOT NULL,
	"group" text NOT NULL,
	"level" smallint NOT NULL,
	"province" text NOT NULL,
	"registered_facility" text NOT NULL,
	"valid_from" date NOT NULL,
	"valid_to" date,
	"five_years_from" date,
	"area" text,
	"status" text NOT NULL,
	"status_from" date,
	"tag" uuid NOT NULL,
	"sealed" "bytea" NOT NULL,
	"position" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "feed_batch" (
	"feed" text NOT NULL,
	"applied_at" timestamp with time zone NOT NULL,
	"sequence" bigint NOT NULL,
	"kind" text NOT NULL,
	"digest" text,
	"as_of" timestamp with time zone NOT NULL,
	"rows" bigint NOT NULL,
	"opened" bigint NOT NULL,
	"closed" bigint NOT NULL,
	"quarantined" bigint NOT NULL,
	"back_to" timestamp with time zone,
	CONSTRAINT "feed_batch_pkey" PRIMARY KEY("feed","applied_at")
);
--> statement-breakpoint
CREATE TABLE "feed_inbox" (
	"feed" text NOT NULL,
	"sequence" bigint NOT NULL,
	"upload" uuid NOT NULL,
	"manifest" text NOT NULL,
	"digest" text NOT NULL,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "feed_inbox_pkey" PRIMARY KEY("feed","sequence")
);
--> statement-breakpoint
CREATE TABLE "feed_inbox_part" (
	"upload" uuid NOT NULL,
	"part" integer NOT NULL,
	"sealed" "bytea" NOT NULL,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "feed_inbox_part_pkey" PRIMARY KEY("upload","part")
);
--> statement-breakpoint
CREATE UNLOGGED TABLE "quarantine_stage" (
	"position" bigint NOT NULL,
	"reason" text NOT NULL,
	"sealed" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE UNLOGGED TABLE "stage_chunk" (
	"load" text NOT NULL,
	"chunk" integer NOT NULL,
	"rows" integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX "feed_batch_sequence" ON "feed_batch" USING btree ("feed","sequence");--> statement-breakpoint
-- The stage is scanned and joined whole, and lives for minutes: the import gathers its own statistics.
ALTER TABLE "coverage_stage" SET (autovacuum_enabled = false);
--> statement-breakpoint
ALTER TABLE "alias_stage" SET (autovacuum_enabled = false);
--> statement-breakpoint
-- Whoever serves only takes pushed deltas in. Coverages, aliases and watermarks are changed by commands of the owner, which
-- check the insurer's signature once more.
GRANT SELECT, INSERT, DELETE ON feed_inbox, feed_inbox_part TO kiemthe_app;
--> statement-breakpoint
GRANT SELECT ON feed_batch TO kiemthe_app;
--> statement-breakpoint
-- The state of a copy that was loaded before there were batches.
INSERT INTO feed_batch (feed, applied_at, sequence, kind, as_of, rows, opened, closed, quarantined)
SELECT feed, loaded_at, sequence, 'full', as_of, rows, rows, 0, 0 FROM feed_watermark;
