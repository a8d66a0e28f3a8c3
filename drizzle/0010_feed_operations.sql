ALTER TABLE "feed_watermark" ADD COLUMN "held_sequence" bigint;--> statement-breakpoint
ALTER TABLE "feed_watermark" ADD COLUMN "refused_sequence" bigint;--> statement-breakpoint
ALTER TABLE "quarantine" ADD COLUMN "resolved_at" timestamp with time zone;
--> statement-breakpoint
-- `kiemthe pull` has a role of its own. It brings batches in and writes what it did to the log; it can change no version but
-- by closing it, and nothing of the log, of clients, of facilities.
GRANT USAGE ON SCHEMA public TO kiemthe_sync;
--> statement-breakpoint
GRANT SELECT ON coverage, alias, feed_watermark, feed_batch, feed_inbox, feed_inbox_part, quarantine, client, client_key, log_head TO kiemthe_sync;
--> statement-breakpoint
GRANT INSERT ON coverage, alias, alias_change, feed_batch, quarantine, log_entry, entry_detail TO kiemthe_sync;
--> statement-breakpoint
GRANT UPDATE (known_to) ON coverage TO kiemthe_sync;
--> statement-breakpoint
GRANT UPDATE (subject) ON alias TO kiemthe_sync;
--> statement-breakpoint
GRANT UPDATE (sequence, as_of, loaded_at, rows, held_sequence, refused_sequence) ON feed_watermark TO kiemthe_sync;
--> statement-breakpoint
GRANT UPDATE (reason, sealed, seen_at, resolved) ON quarantine TO kiemthe_sync;
--> statement-breakpoint
GRANT UPDATE (size) ON log_head TO kiemthe_sync;
--> statement-breakpoint
GRANT DELETE ON alias, feed_inbox, feed_inbox_part TO kiemthe_sync;
