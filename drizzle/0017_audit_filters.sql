-- the new ones first: auditors read by the old ones until the moment that these go; only `kiemthe project` waits meanwhile
CREATE INDEX "audit_check_facility_filters" ON "audit_check" USING btree ("log_id","generation","facility","recorded_at","leaf_index","decision","code","assurance");--> statement-breakpoint
CREATE INDEX "audit_check_time_filters" ON "audit_check" USING btree ("log_id","generation","recorded_at","leaf_index","decision","assurance");--> statement-breakpoint
DROP INDEX "audit_check_facility";--> statement-breakpoint
DROP INDEX "audit_check_time";
