ALTER TABLE "log_checkpoint" ADD COLUMN "cosigned_size" bigint;--> statement-breakpoint
GRANT UPDATE (cosigned_size) ON log_checkpoint TO kiemthe_sealer;
--> statement-breakpoint
-- Whoever brings the feed in checks at its start that it reads as desks do.
GRANT SELECT ON log_checkpoint TO kiemthe_sync;
