CREATE TABLE "open_visit" (
	"log_id" smallint NOT NULL,
	"visit" uuid NOT NULL,
	"facility" text NOT NULL,
	"leaf_index" bigint NOT NULL,
	"seen" timestamp with time zone NOT NULL,
	"closes_at" timestamp with time zone NOT NULL,
	"sealed" "bytea" NOT NULL,
	CONSTRAINT "open_visit_pkey" PRIMARY KEY("log_id","visit")
);
--> statement-breakpoint
CREATE INDEX "open_visit_facility" ON "open_visit" USING btree ("log_id","facility","leaf_index");--> statement-breakpoint
CREATE INDEX "open_visit_closes" ON "open_visit" USING btree ("log_id","closes_at");--> statement-breakpoint
-- Made from the log, and can be made again: whoever serves may change it.
GRANT SELECT, INSERT, UPDATE, DELETE ON open_visit TO kiemthe_app;
--> statement-breakpoint
-- Entries from before hold no question that could be asked again.
INSERT INTO log_cursor (log_id, reader, next_index) SELECT log_id, 'visits', size FROM log_head WHERE log_id = 1;
--> statement-breakpoint
-- What a number led to at an instant of the past.
GRANT SELECT ON alias_change TO kiemthe_app;
