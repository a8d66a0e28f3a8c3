CREATE TABLE "alias" (
	"alias" uuid NOT NULL,
	"subject" uuid NOT NULL,
	CONSTRAINT "alias_pkey" PRIMARY KEY("alias")
);
--> statement-breakpoint
CREATE TABLE "client" (
	"client_id" text PRIMARY KEY NOT NULL,
	"facility" text,
	"scopes" text[] NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"disabled_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "client_key" (
	"client_id" text NOT NULL,
	"key_id" text NOT NULL,
	"public_jwk" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "client_key_client_id_key_id_pk" PRIMARY KEY("client_id","key_id")
);
--> statement-breakpoint
CREATE TABLE "coverage" (
	"subject" uuid NOT NULL,
	"coverage_no" smallint NOT NULL,
	"group" text NOT NULL,
	"level" smallint NOT NULL,
	"province" text NOT NULL,
	"registered_facility" text NOT NULL,
	"valid_from" date NOT NULL,
	"valid_to" date,
	"five_years_from" date,
	"area" text,
	"status" text NOT NULL,
	"status_from" date,
	"tag" uuid NOT NULL,
	"sealed" "bytea" NOT NULL,
	"feed_sequence" bigint NOT NULL,
	"known_from" timestamp with time zone NOT NULL,
	"known_to" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "coverage_pkey" PRIMARY KEY("subject","coverage_no","known_from")
);
--> statement-breakpoint
CREATE TABLE "entry_detail" (
	"log_id" smallint NOT NULL,
	"leaf_index" bigint NOT NULL,
	"subject" uuid,
	"client" text NOT NULL,
	"idempotency_key" uuid,
	"salt" "bytea" NOT NULL,
	"sealed" "bytea" NOT NULL,
	CONSTRAINT "entry_detail_pkey" PRIMARY KEY("log_id","leaf_index")
);
--> statement-breakpoint
CREATE TABLE "facility" (
	"code" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"level" text NOT NULL,
	"points" integer,
	"former_tier" text NOT NULL,
	"commune" text NOT NULL,
	"kind" text NOT NULL,
	"valid_from" date NOT NULL,
	"valid_to" date
);
--> statement-breakpoint
CREATE TABLE "feed_chunk" (
	"feed" text NOT NULL,
	"sequence" bigint NOT NULL,
	"chunk" integer NOT NULL,
	"rows" integer NOT NULL,
	CONSTRAINT "feed_chunk_feed_sequence_chunk_pk" PRIMARY KEY("feed","sequence","chunk")
);
--> statement-breakpoint
CREATE TABLE "feed_load" (
	"feed" text NOT NULL,
	"sequence" bigint NOT NULL,
	"source" text NOT NULL,
	"rows" bigint NOT NULL,
	"chunk_rows" integer NOT NULL,
	"key_check" uuid NOT NULL,
	"as_of" timestamp with time zone NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone,
	CONSTRAINT "feed_load_feed_sequence_pk" PRIMARY KEY("feed","sequence")
);
--> statement-breakpoint
CREATE TABLE "feed_watermark" (
	"feed" text PRIMARY KEY NOT NULL,
	"sequence" bigint NOT NULL,
	"as_of" timestamp with time zone NOT NULL,
	"loaded_at" timestamp with time zone NOT NULL,
	"rows" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "idempotency" (
	"log_id" smallint NOT NULL,
	"key" uuid NOT NULL,
	"request_digest" uuid NOT NULL,
	"claimed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "idempotency_pkey" PRIMARY KEY("log_id","key")
);
--> statement-breakpoint
CREATE TABLE "jti" (
	"client_id" text NOT NULL,
	"jti" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "jti_client_id_jti_pk" PRIMARY KEY("client_id","jti")
);
--> statement-breakpoint
CREATE TABLE "log_entry" (
	"log_id" smallint NOT NULL,
	"leaf_index" bigint NOT NULL,
	"body" text NOT NULL,
	"leaf_hash" "bytea" NOT NULL,
	CONSTRAINT "log_entry_pkey" PRIMARY KEY("log_id","leaf_index")
);
--> statement-breakpoint
CREATE TABLE "log_head" (
	"log_id" smallint PRIMARY KEY NOT NULL,
	"origin" text NOT NULL,
	"size" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "quarantine" (
	"feed" text NOT NULL,
	"sequence" bigint NOT NULL,
	"position" bigint NOT NULL,
	"reason" text NOT NULL,
	"sealed" "bytea" NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"resolved" boolean DEFAULT false NOT NULL,
	CONSTRAINT "quarantine_feed_sequence_position_pk" PRIMARY KEY("feed","sequence","position")
);
--> statement-breakpoint
ALTER TABLE "client" ADD CONSTRAINT "client_facility_facility_code_fk" FOREIGN KEY ("facility") REFERENCES "public"."facility"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "client_key" ADD CONSTRAINT "client_key_client_id_client_client_id_fk" FOREIGN KEY ("client_id") REFERENCES "public"."client"("client_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "client_key_revoked" ON "client_key" USING btree ("revoked_at") WHERE "client_key"."revoked_at" is not null;--> statement-breakpoint
CREATE INDEX "entry_detail_idempotency" ON "entry_detail" USING btree ("log_id","idempotency_key") WHERE "entry_detail"."idempotency_key" is not null;--> statement-breakpoint
CREATE INDEX "idempotency_claimed" ON "idempotency" USING btree ("claimed_at");--> statement-breakpoint
CREATE INDEX "jti_expires" ON "jti" USING btree ("expires_at");