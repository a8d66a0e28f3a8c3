/** The log that this release appends to. `log_id` is in every key so that more can come. */
export const LOG_ID = 1
