CREATE TABLE "claim_delivery" (
	"log_id" smallint NOT NULL,
	"leaf_index" bigint NOT NULL,
	"facility" text NOT NULL,
	"visit_key" uuid NOT NULL,
	"share" text NOT NULL,
	"version" integer NOT NULL,
	"delivery" text NOT NULL,
	"settlement_month" text,
	"status" text NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"last_failure" text,
	"next_attempt_at" timestamp with time zone,
	"lease_until" timestamp with time zone,
	"last_index" bigint,
	CONSTRAINT "claim_delivery_pkey" PRIMARY KEY("log_id","leaf_index")
);
--> statement-breakpoint
CREATE TABLE "claim_dossier" (
	"log_id" smallint NOT NULL,
	"leaf_index" bigint NOT NULL,
	"dossier_key" uuid NOT NULL,
	"sealed" "bytea" NOT NULL,
	CONSTRAINT "claim_dossier_pkey" PRIMARY KEY("log_id","leaf_index")
);
--> statement-breakpoint
CREATE TABLE "claim_visit" (
	"log_id" smallint NOT NULL,
	"facility" text NOT NULL,
	"visit_key" uuid NOT NULL,
	"share" text NOT NULL,
	"version" integer NOT NULL,
	"leaf_index" bigint NOT NULL,
	"dossier_key" uuid NOT NULL,
	CONSTRAINT "claim_visit_pkey" PRIMARY KEY("log_id","facility","visit_key","share","version")
);
--> statement-breakpoint
CREATE INDEX "claim_delivery_facility" ON "claim_delivery" USING btree ("log_id","facility","leaf_index");--> statement-breakpoint
CREATE INDEX "claim_delivery_month" ON "claim_delivery" USING btree ("log_id","facility","settlement_month","leaf_index");--> statement-breakpoint
CREATE INDEX "claim_delivery_visit" ON "claim_delivery" USING btree ("log_id","visit_key","share","version");--> statement-breakpoint
CREATE INDEX "claim_delivery_due" ON "claim_delivery" USING btree ("log_id","next_attempt_at") WHERE "claim_delivery"."next_attempt_at" is not null;--> statement-breakpoint
-- Sealed dossiers do not compress: kept beside the table as they are.
ALTER TABLE "claim_dossier" ALTER COLUMN "sealed" SET STORAGE EXTERNAL;
--> statement-breakpoint
-- As the entries they stand beside: no UPDATE, DELETE or TRUNCATE for anybody but the owner, who erases.
GRANT SELECT, INSERT ON claim_dossier, claim_visit TO kiemthe_app;
--> statement-breakpoint
-- Made from the log, and can be made again.
GRANT SELECT, INSERT, UPDATE, DELETE ON claim_delivery TO kiemthe_app;
