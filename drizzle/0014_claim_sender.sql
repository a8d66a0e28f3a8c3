CREATE TABLE "insurer_login" (
	"facility" text PRIMARY KEY NOT NULL,
	"sealed" "bytea" NOT NULL,
	"set_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
DROP INDEX "claim_delivery_due";--> statement-breakpoint
ALTER TABLE "claim_delivery" ADD COLUMN "strikes" smallint DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "claim_delivery_queue" ON "claim_delivery" USING btree ("log_id","facility","leaf_index") WHERE "claim_delivery"."next_attempt_at" is not null;--> statement-breakpoint
CREATE INDEX "claim_delivery_oldest" ON "claim_delivery" USING btree ("log_id","leaf_index") WHERE "claim_delivery"."next_attempt_at" is not null;--> statement-breakpoint
CREATE INDEX "claim_delivery_dead" ON "claim_delivery" USING btree ("log_id","leaf_index") WHERE "claim_delivery"."status" = 'deadLetter';--> statement-breakpoint
CREATE INDEX "claim_visit_entry" ON "claim_visit" USING btree ("log_id","leaf_index");
--> statement-breakpoint
-- How far the sender has read, and how far it has to read before it may send: apart only while its rows are made anew.
INSERT INTO log_cursor (log_id, reader, next_index) SELECT log_id, reader, 0 FROM log_head, (VALUES ('send'), ('sendFrom')) AS r (reader) ON CONFLICT DO NOTHING;
--> statement-breakpoint
GRANT USAGE ON SCHEMA public TO kiemthe_sender;
--> statement-breakpoint
GRANT SELECT ON log_head, log_entry, log_cursor, claim_visit, claim_dossier, claim_delivery, insurer_login TO kiemthe_sender;
--> statement-breakpoint
-- Under whose pseudonym a delivery's details are kept, so that they are erased with the rest; not the details themselves.
GRANT SELECT (log_id, leaf_index, subject) ON entry_detail TO kiemthe_sender;
--> statement-breakpoint
GRANT INSERT ON log_entry, entry_detail, claim_delivery TO kiemthe_sender;
--> statement-breakpoint
GRANT UPDATE (size) ON log_head TO kiemthe_sender;
--> statement-breakpoint
GRANT UPDATE (status, attempts, strikes, last_failure, next_attempt_at, lease_until, last_index, transitions) ON claim_delivery TO kiemthe_sender;
--> statement-breakpoint
GRANT DELETE ON claim_delivery TO kiemthe_sender;
--> statement-breakpoint
GRANT UPDATE (next_index) ON log_cursor TO kiemthe_sender;
