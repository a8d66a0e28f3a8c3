-- Custom migration: both tables are made from the log and can be made again, so whoever serves may change them.
GRANT SELECT, INSERT, UPDATE, DELETE ON unverified_visit TO kiemthe_app;
--> statement-breakpoint
GRANT SELECT, UPDATE ON log_cursor TO kiemthe_app;
--> statement-breakpoint
INSERT INTO log_cursor (log_id, reader, next_index) VALUES (1, 'recheck', 0);
