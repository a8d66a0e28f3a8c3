CREATE TABLE "log_cursor" (
	"log_id" smallint NOT NULL,
	"reader" text NOT NULL,
	"next_index" bigint NOT NULL,
	CONSTRAINT "log_cursor_pkey" PRIMARY KEY("log_id","reader")
);
--> statement-breakpoint
CREATE TABLE "unverified_visit" (
	"log_id" smallint NOT NULL,
	"leaf_index" bigint NOT NULL,
	"facility" text NOT NULL,
	"visit" uuid NOT NULL,
	"checkable" boolean NOT NULL,
	"state" text NOT NULL,
	"attempts" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"last_code" text,
	"next_check_at" timestamp with time zone NOT NULL,
	"outcome_index" bigint,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "unverified_visit_pkey" PRIMARY KEY("log_id","leaf_index")
);
--> statement-breakpoint
CREATE INDEX "unverified_visit_due" ON "unverified_visit" USING btree ("log_id","next_check_at") WHERE "unverified_visit"."state" = 'open';--> statement-breakpoint
CREATE INDEX "unverified_visit_visit" ON "unverified_visit" USING btree ("log_id","visit") WHERE "unverified_visit"."state" = 'open';