CREATE TABLE "enrolment" (
	"client_id" text PRIMARY KEY NOT NULL,
	"code_digest" uuid NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"tries_left" smallint NOT NULL,
	"used_by_key" text
);
--> statement-breakpoint
ALTER TABLE "enrolment" ADD CONSTRAINT "enrolment_client_id_client_client_id_fk" FOREIGN KEY ("client_id") REFERENCES "public"."client"("client_id") ON DELETE no action ON UPDATE no action;
--> statement-breakpoint
-- The request role may register a key in this one way only: by a code that an operator gave out, or in the name of a key
-- in force, whose signature the service has checked. It reads no codes and writes no keys otherwise. A wrong code costs a
-- try; a code is used once, and the same key may come again with it (its first answer was lost). Returns
-- `done`, `again`, `full` (four keys in force), or `refused`, whatever the reason.
CREATE FUNCTION enrol_client_key(
	p_client text, p_code uuid, p_by_key text, p_key_id text, p_jwk jsonb, p_expires timestamp with time zone
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
	known enrolment%ROWTYPE;
BEGIN
	-- one enrolment of a client at a time
	PERFORM FROM client WHERE client_id = p_client AND disabled_at IS NULL FOR NO KEY UPDATE;
	IF NOT FOUND THEN RETURN 'refused'; END IF;
	IF p_code IS NOT NULL THEN
		SELECT * INTO known FROM enrolment WHERE client_id = p_client FOR UPDATE;
		IF NOT FOUND OR known.expires_at <= now() OR known.tries_left <= 0 THEN RETURN 'refused'; END IF;
		IF known.code_digest <> p_code THEN
			UPDATE enrolment SET tries_left = tries_left - 1 WHERE client_id = p_client;
			RETURN 'refused';
		END IF;
		IF known.used_by_key IS NOT NULL AND known.used_by_key <> p_key_id THEN RETURN 'refused'; END IF;
	ELSE
		PERFORM FROM client_key
			WHERE client_id = p_client AND key_id = p_by_key AND revoked_at IS NULL AND expires_at > now();
		IF NOT FOUND THEN RETURN 'refused'; END IF;
	END IF;
	PERFORM FROM client_key WHERE client_id = p_client AND key_id = p_key_id AND revoked_at IS NOT NULL;
	IF FOUND THEN RETURN 'refused'; END IF;
	PERFORM FROM client_key WHERE client_id = p_client AND key_id = p_key_id;
	IF FOUND THEN RETURN 'again'; END IF;
	IF (SELECT count(*) FROM client_key
			WHERE client_id = p_client AND revoked_at IS NULL AND expires_at > now()) >= 4 THEN
		RETURN 'full';
	END IF;
	INSERT INTO client_key (client_id, key_id, public_jwk, expires_at) VALUES (p_client, p_key_id, p_jwk, p_expires);
	UPDATE enrolment SET used_by_key = p_key_id WHERE client_id = p_client AND p_code IS NOT NULL;
	RETURN 'done';
END
$$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION enrol_client_key(text, uuid, text, text, jsonb, timestamp with time zone) FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION enrol_client_key(text, uuid, text, text, jsonb, timestamp with time zone) TO kiemthe_app;
