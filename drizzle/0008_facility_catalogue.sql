CREATE TABLE "facility_version" (
	"code" text NOT NULL,
	"name" text NOT NULL,
	"former_tier" text,
	"commune" text NOT NULL,
	"province" text NOT NULL,
	"valid_from" date NOT NULL,
	"valid_to" date,
	"merged_into" text,
	"periods" jsonb NOT NULL,
	"feed_sequence" bigint NOT NULL,
	"known_from" timestamp with time zone NOT NULL,
	"known_to" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "facility_version_pkey" PRIMARY KEY("code","known_from")
);
--> statement-breakpoint
ALTER TABLE "facility" ALTER COLUMN "former_tier" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "facility" ALTER COLUMN "kind" DROP NOT NULL;--> statement-breakpoint
GRANT SELECT ON facility_version TO kiemthe_app;
--> statement-breakpoint
-- What was loaded before there was a catalogue feed, as its first word; the first catalogue says it anew, with more.
INSERT INTO facility_version (code, name, former_tier, commune, province, valid_from, valid_to, periods, feed_sequence, known_from)
SELECT code, name, former_tier, commune, left(code, 2), valid_from, valid_to,
       jsonb_build_array(jsonb_build_object('from', valid_from, 'level', level, 'points', points)), 0, now()
  FROM facility;
