CREATE TABLE "legal_hold" (
	"hold" text NOT NULL,
	"target" text NOT NULL,
	"placed_at" timestamp with time zone NOT NULL,
	"sealed" "bytea" NOT NULL,
	CONSTRAINT "legal_hold_pkey" PRIMARY KEY("hold","target")
);
--> statement-breakpoint
CREATE INDEX "legal_hold_target" ON "legal_hold" USING btree ("target");