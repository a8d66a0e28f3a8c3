-- Custom migration: who may do what. The owner runs migrations and loads; `kiemthe_app` answers requests; `kiemthe_sealer`
-- reads the log. Roles are made before migrations run (src/db/roles.ts): they belong to the cluster, not to this database.
GRANT USAGE ON SCHEMA public TO kiemthe_app, kiemthe_sealer;
--> statement-breakpoint
GRANT SELECT ON coverage, alias, facility, client, client_key, feed_watermark, feed_load, quarantine TO kiemthe_app;
--> statement-breakpoint
-- The log: no UPDATE, DELETE or TRUNCATE for anybody but the owner, who serves no requests.
GRANT SELECT, INSERT ON log_entry, entry_detail TO kiemthe_app;
--> statement-breakpoint
GRANT SELECT ON log_head TO kiemthe_app;
--> statement-breakpoint
GRANT UPDATE (size) ON log_head TO kiemthe_app;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency TO kiemthe_app;
--> statement-breakpoint
GRANT SELECT, INSERT, DELETE ON jti TO kiemthe_app;
--> statement-breakpoint
GRANT SELECT ON log_head, log_entry, entry_detail TO kiemthe_sealer;
--> statement-breakpoint
-- One row, rewritten by every batch: room on its page keeps the rewrite in place (HOT) and the row lock short.
ALTER TABLE log_head SET (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
--> statement-breakpoint
INSERT INTO log_head (log_id, origin, size) VALUES (1, 'kiemthe.example/thanhhoa/1', 0);
