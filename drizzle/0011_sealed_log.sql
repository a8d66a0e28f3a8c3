CREATE TABLE "log_checkpoint" (
	"log_id" smallint PRIMARY KEY NOT NULL,
	"size" bigint NOT NULL,
	"note" text NOT NULL,
	"published_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "log_key" (
	"log_id" smallint NOT NULL,
	"key_id" text NOT NULL,
	"verifier" text NOT NULL,
	"used_since" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "log_key_pkey" PRIMARY KEY("log_id","key_id")
);
--> statement-breakpoint
CREATE TABLE "log_tile" (
	"log_id" smallint NOT NULL,
	"level" smallint NOT NULL,
	"tile_index" bigint NOT NULL,
	"hashes" "bytea" NOT NULL,
	CONSTRAINT "log_tile_pkey" PRIMARY KEY("log_id","level","tile_index")
);
--> statement-breakpoint
CREATE TABLE "log_tree" (
	"log_id" smallint PRIMARY KEY NOT NULL,
	"size" bigint NOT NULL
);
--> statement-breakpoint
-- Hashes do not compress, and a row with a tile is past 2 kB: kept beside the table as it is.
ALTER TABLE "log_tile" ALTER COLUMN "hashes" SET STORAGE EXTERNAL;
--> statement-breakpoint
-- One row each, rewritten every second: see log_head.
ALTER TABLE "log_tree" SET (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
--> statement-breakpoint
ALTER TABLE "log_checkpoint" SET (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
--> statement-breakpoint
-- Whoever answers requests shows tiles, checkpoints and keys, and changes none of them. The sealer changes nothing else, and
-- reads bodies and hashes only: what entries commit to is none of its business.
GRANT SELECT ON log_tree, log_tile, log_checkpoint, log_key TO kiemthe_app;
--> statement-breakpoint
GRANT SELECT, INSERT ON log_tile, log_checkpoint, log_key TO kiemthe_sealer;
--> statement-breakpoint
GRANT SELECT ON log_tree TO kiemthe_sealer;
--> statement-breakpoint
GRANT UPDATE (hashes) ON log_tile TO kiemthe_sealer;
--> statement-breakpoint
GRANT UPDATE (size) ON log_tree TO kiemthe_sealer;
--> statement-breakpoint
GRANT UPDATE (size, note, published_at) ON log_checkpoint TO kiemthe_sealer;
--> statement-breakpoint
REVOKE SELECT ON entry_detail FROM kiemthe_sealer;
--> statement-breakpoint
INSERT INTO log_tree (log_id, size) VALUES (1, 0);
