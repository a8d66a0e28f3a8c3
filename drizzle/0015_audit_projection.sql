CREATE TABLE "audit_check" (
	"log_id" smallint NOT NULL,
	"generation" smallint NOT NULL,
	"leaf_index" bigint NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"facility" text NOT NULL,
	"kind" text NOT NULL,
	"decision" text,
	"code" text,
	"cause" text,
	"assurance" text,
	"method" text,
	"erased" boolean NOT NULL,
	"purpose" text,
	"service_date" date,
	"route" text,
	"inpatient" boolean,
	"person" uuid,
	"visit" uuid,
	CONSTRAINT "audit_check_pkey" PRIMARY KEY("log_id","generation","leaf_index")
);
--> statement-breakpoint
CREATE TABLE "audit_claim" (
	"log_id" smallint NOT NULL,
	"generation" smallint NOT NULL,
	"leaf_index" bigint NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"facility" text NOT NULL,
	"share" text NOT NULL,
	"version" integer NOT NULL,
	"delivery" text NOT NULL,
	"settlement_month" text,
	"status" text NOT NULL,
	"status_index" bigint,
	"total_hospital" numeric,
	"total_insured" numeric,
	"paid_by_patient" numeric,
	"copayment" numeric,
	"paid_by_insurer" numeric,
	"findings" integer NOT NULL,
	"signature" text NOT NULL,
	"erased" boolean NOT NULL,
	"restricted" boolean NOT NULL,
	"person" uuid,
	"visit" uuid,
	"admitted" text,
	"discharged" text,
	"care_type" text,
	"route" text,
	"checks" bigint[],
	CONSTRAINT "audit_claim_pkey" PRIMARY KEY("log_id","generation","leaf_index")
);
--> statement-breakpoint
CREATE TABLE "audit_facility_day" (
	"log_id" smallint NOT NULL,
	"generation" smallint NOT NULL,
	"facility" text NOT NULL,
	"day" date NOT NULL,
	"checks" integer NOT NULL,
	"misses" integer NOT NULL,
	"flagged_misses" boolean NOT NULL,
	"flagged_volume" boolean NOT NULL,
	CONSTRAINT "audit_facility_day_pkey" PRIMARY KEY("log_id","generation","facility","day")
);
--> statement-breakpoint
CREATE TABLE "audit_flag" (
	"log_id" smallint NOT NULL,
	"generation" smallint NOT NULL,
	"leaf_index" bigint NOT NULL,
	"rule" text NOT NULL,
	"facility" text NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"other_index" bigint,
	"restricted" boolean NOT NULL,
	"facts" jsonb NOT NULL,
	CONSTRAINT "audit_flag_pkey" PRIMARY KEY("log_id","generation","leaf_index","rule")
);
--> statement-breakpoint
CREATE TABLE "audit_projection" (
	"log_id" smallint NOT NULL,
	"generation" smallint NOT NULL,
	"state" text NOT NULL,
	"next_index" bigint NOT NULL,
	"through" timestamp with time zone,
	CONSTRAINT "audit_projection_pkey" PRIMARY KEY("log_id","generation")
);
--> statement-breakpoint
CREATE TABLE "audit_stay" (
	"log_id" smallint NOT NULL,
	"generation" smallint NOT NULL,
	"facility" text NOT NULL,
	"visit" uuid NOT NULL,
	"leaf_index" bigint NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	CONSTRAINT "audit_stay_pkey" PRIMARY KEY("log_id","generation","facility","visit")
);
--> statement-breakpoint
CREATE INDEX "audit_check_facility" ON "audit_check" USING btree ("log_id","generation","facility","recorded_at","leaf_index");--> statement-breakpoint
CREATE INDEX "audit_check_time" ON "audit_check" USING btree ("log_id","generation","recorded_at","leaf_index");--> statement-breakpoint
CREATE INDEX "audit_check_code" ON "audit_check" USING btree ("log_id","generation","code","recorded_at","leaf_index");--> statement-breakpoint
CREATE INDEX "audit_check_person" ON "audit_check" USING btree ("log_id","generation","person","recorded_at");--> statement-breakpoint
CREATE INDEX "audit_check_visit" ON "audit_check" USING btree ("log_id","generation","visit");--> statement-breakpoint
CREATE INDEX "audit_claim_facility" ON "audit_claim" USING btree ("log_id","generation","facility","recorded_at","leaf_index");--> statement-breakpoint
CREATE INDEX "audit_claim_time" ON "audit_claim" USING btree ("log_id","generation","recorded_at","leaf_index");--> statement-breakpoint
CREATE INDEX "audit_claim_status" ON "audit_claim" USING btree ("log_id","generation","status","recorded_at","leaf_index");--> statement-breakpoint
CREATE INDEX "audit_claim_person" ON "audit_claim" USING btree ("log_id","generation","person","recorded_at");--> statement-breakpoint
CREATE INDEX "audit_claim_visit" ON "audit_claim" USING btree ("log_id","generation","visit");--> statement-breakpoint
CREATE INDEX "audit_claim_checks" ON "audit_claim" USING gin ("checks");--> statement-breakpoint
CREATE INDEX "audit_flag_rule" ON "audit_flag" USING btree ("log_id","generation","rule","recorded_at","leaf_index");--> statement-breakpoint
CREATE INDEX "audit_flag_facility" ON "audit_flag" USING btree ("log_id","generation","facility","recorded_at","leaf_index");--> statement-breakpoint
CREATE INDEX "audit_flag_other" ON "audit_flag" USING btree ("log_id","generation","other_index");--> statement-breakpoint
CREATE INDEX "audit_stay_recorded" ON "audit_stay" USING btree ("log_id","generation","recorded_at");--> statement-breakpoint
-- `kiemthe project` reads the log and makes these tables of it; it changes nothing else, and writes no entry.
GRANT USAGE ON SCHEMA public TO kiemthe_projector;
--> statement-breakpoint
GRANT SELECT ON log_head, log_entry, entry_detail TO kiemthe_projector;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON audit_projection, audit_check, audit_flag, audit_facility_day, audit_stay, audit_claim TO kiemthe_projector;
--> statement-breakpoint
-- Whoever serves reads them.
GRANT SELECT ON audit_projection, audit_check, audit_flag, audit_claim TO kiemthe_app;
