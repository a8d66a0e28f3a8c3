-- `kiemthe pull` brings in later catalogues of facilities too: it closes and opens versions, and keeps the codes that clients
-- refer to. It takes no code away, and makes no watermark: the first catalogue is imported by the owner, as the first full feed is.
GRANT SELECT, INSERT ON facility_version TO kiemthe_sync;
--> statement-breakpoint
GRANT UPDATE (known_to) ON facility_version TO kiemthe_sync;
--> statement-breakpoint
GRANT SELECT, INSERT ON facility TO kiemthe_sync;
--> statement-breakpoint
GRANT UPDATE (name, level, points, former_tier, commune, valid_from, valid_to) ON facility TO kiemthe_sync;
