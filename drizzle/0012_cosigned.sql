ALTER TABLE "log_checkpoint" ADD COLUMN "cosigned_size" bigint;--> statement-breakpoint
GRANT UPDATE (cosigned_size) ON log_checkpoint TO kiemthe_sealer;
