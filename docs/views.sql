-- Views over an audit for DuckDB 1.1 or later; docs/audit.md says what the columns mean.
--   duckdb -cmd "SET VARIABLE audit = '/research-audit'" -init docs/views.sql -c 'FROM by_status'
-- They read the table files that run.json names and no others: beside them may lie those of runs that were killed. They are
-- temporary, and show the audit as it was when this file was read: read it again after the next run. Codes (mac) are not checked
-- here, only digests: FROM bad_files.

-- the accounts: of the current run, and those that were put aside
SET VARIABLE account_files = (
    SELECT list_concat([getvariable('audit') || '/run.json'], coalesce(list(file), []))
    FROM glob(getvariable('audit') || '/earlier/*/run.json')
);

-- a run that was killed at its very end may have put the current account aside, too
CREATE OR REPLACE TEMP TABLE accounts AS
SELECT content ->> '$.run_id' AS run_id, content AS account, is_current
FROM (
    SELECT content::JSON AS content, filename = getvariable('audit') || '/run.json' AS is_current
    FROM read_text(getvariable('account_files'))
)
QUALIFY row_number() OVER (PARTITION BY content ->> '$.run_id' ORDER BY is_current DESC) = 1;

SET VARIABLE run_id = (SELECT run_id FROM accounts WHERE is_current);

-- the table files that they name, wherever they lie; path is null where a file of an earlier run is gone
CREATE OR REPLACE TEMP TABLE audit_files AS
WITH named AS (
    SELECT run_id, is_current, unnest(map_entries(CAST(account -> '$.tables' AS MAP(VARCHAR, BIGINT)))) AS entry, account
    FROM accounts
),
lying AS (
    SELECT parse_filename(file) AS name, min(file) AS file
    FROM (FROM glob(getvariable('audit') || '/*.parquet') UNION ALL FROM glob(getvariable('audit') || '/earlier/*/*.parquet'))
    GROUP BY name
)
SELECT
    run_id,
    is_current,
    split_part(entry.key, '-', 1) AS kind,
    entry.key AS name,
    entry.value AS row_count,
    json_extract_string(account, '$.table_digests."' || entry.key || '"') AS sha256,
    -- of the current run none must be missing: to read it fails
    coalesce(file, CASE WHEN is_current THEN getvariable('audit') || '/' || entry.key END) AS path
FROM named LEFT JOIN lying ON lying.name = entry.key;

SET VARIABLE instances_files = (SELECT list(path ORDER BY name) FROM audit_files WHERE kind = 'instances' AND is_current);
SET VARIABLE gone_files = (SELECT list(path ORDER BY name) FROM audit_files WHERE kind = 'gone' AND is_current);
SET VARIABLE all_instances_files = (
    SELECT list(path ORDER BY name) FROM audit_files WHERE kind = 'instances' AND path IS NOT NULL
);
SET VARIABLE checked_files = (SELECT list(path ORDER BY name) FROM audit_files WHERE path IS NOT NULL);

-- the columns of now: what an older run doesn't have is null
CREATE OR REPLACE TEMP TABLE no_instances (
    source_id VARCHAR,
    status VARCHAR,
    reason VARCHAR,
    reason_tag VARCHAR,
    notes VARCHAR[],
    sop_class_uid VARCHAR,
    transfer_syntax_uid VARCHAR,
    study_instance_uid VARCHAR,
    series_instance_uid VARCHAR,
    sop_instance_uid VARCHAR,
    output_name VARCHAR,
    size BIGINT,
    crc32c VARCHAR,
    actions STRUCT("path" VARCHAR, keyword VARCHAR, "action" VARCHAR, count INTEGER)[],
    source_version VARCHAR,
    container_id VARCHAR,
    study_hash VARCHAR,
    instance_hash BLOB,
    pixel_risks VARCHAR[],
    profile_digest VARCHAR,
    key_id VARCHAR,
    version VARCHAR,
    written_in VARCHAR,
    input_id VARCHAR,
    modality VARCHAR,
    patient_id VARCHAR,
    source_size BIGINT,
    since VARCHAR,
    settings_digest VARCHAR,
    filename VARCHAR
);

-- rows of files, by the name of the variable that has them; there may be none
CREATE OR REPLACE TEMP MACRO rows_of(files) AS
    CASE WHEN coalesce(len(getvariable(files)), 0) = 0 THEN 'FROM no_instances'
    ELSE 'FROM no_instances UNION ALL BY NAME FROM read_parquet(getvariable(''' || files
        || '''), union_by_name = true, filename = true)' END;

-- a row for each listed object of the current run
CREATE OR REPLACE TEMP VIEW instances AS
SELECT * EXCLUDE (filename) FROM query(rows_of('instances_files'));

-- objects that the run before knew, and that aren't listed any more
CREATE OR REPLACE TEMP VIEW gone AS
SELECT * EXCLUDE (filename) FROM query(rows_of('gone_files'));

-- the rows of all runs
CREATE OR REPLACE TEMP VIEW all_instances AS
SELECT regexp_extract(parse_filename(filename), '^instances-([0-9a-f]+)-', 1) AS run_id, * EXCLUDE (filename)
FROM query(rows_of('all_instances_files'));

CREATE OR REPLACE TEMP VIEW by_status AS
SELECT status, count(*) AS objects, sum(source_size) AS source_bytes, sum(size) AS output_bytes
FROM instances
GROUP BY status
ORDER BY objects DESC, status;

-- is_new: how many weren't quarantined for it in the run that was gone on with; null where older rows don't tell
CREATE OR REPLACE TEMP VIEW quarantined_by_reason AS
SELECT
    reason,
    count(*) AS objects,
    CASE WHEN count(since) > 0 THEN count(*) FILTER (WHERE since = getvariable('run_id')) END AS new_objects,
    count(DISTINCT study_hash) AS studies,
    count(DISTINCT patient_id) AS patients,
    min(since) AS first_since,
    sum(source_size) AS source_bytes
FROM instances
WHERE status = 'quarantined'
GROUP BY reason
ORDER BY objects DESC, reason;

CREATE OR REPLACE TEMP VIEW by_patient AS
SELECT
    patient_id,
    count(DISTINCT study_hash) AS studies,
    count(*) AS listed,
    count(*) FILTER (WHERE status = 'written') AS written,
    count(*) FILTER (WHERE status = 'skipped') AS skipped,
    count(*) FILTER (WHERE status = 'duplicate') AS duplicate,
    count(*) FILTER (WHERE status = 'filtered') AS filtered,
    count(*) FILTER (WHERE status = 'quarantined') AS quarantined,
    sum(source_size) AS source_bytes
FROM instances
GROUP BY patient_id
ORDER BY patient_id NULLS LAST;

CREATE OR REPLACE TEMP VIEW by_study AS
SELECT
    max(study_instance_uid) AS study_instance_uid,
    study_hash,
    max(patient_id) AS patient_id,
    list_sort(list(DISTINCT modality) FILTER (WHERE modality IS NOT NULL)) AS modalities,
    count(DISTINCT series_instance_uid) AS series,
    count(*) AS listed,
    count(*) FILTER (WHERE status = 'written') AS written,
    count(*) FILTER (WHERE status = 'skipped') AS skipped,
    count(*) FILTER (WHERE status = 'duplicate') AS duplicate,
    count(*) FILTER (WHERE status = 'filtered') AS filtered,
    count(*) FILTER (WHERE status = 'quarantined') AS quarantined,
    list_sort(list(DISTINCT reason) FILTER (WHERE status = 'quarantined')) AS reasons,
    sum(source_size) AS source_bytes
FROM instances
GROUP BY study_hash
ORDER BY study_instance_uid NULLS LAST, study_hash;

-- studies with objects that were listed and are neither in the output, nor copies of what is, nor left out by policy
CREATE OR REPLACE TEMP VIEW incomplete_studies AS
SELECT
    study_instance_uid,
    study_hash,
    patient_id,
    listed,
    written + skipped + duplicate + filtered AS accounted,
    written,
    skipped,
    duplicate,
    filtered,
    quarantined,
    reasons
FROM by_study
WHERE study_hash IS NOT NULL AND quarantined > 0
ORDER BY study_instance_uid NULLS LAST, study_hash;

-- what was done to which attributes of what this run wrote: in so many objects, so many times
CREATE OR REPLACE TEMP VIEW actions AS
SELECT done."path" AS "path", done.keyword AS keyword, done."action" AS "action", count(DISTINCT source_id) AS objects,
    sum(done.count)::BIGINT AS count
FROM (SELECT source_id, unnest(actions) AS done FROM instances)
GROUP BY ALL
ORDER BY "path", "action";

-- each object in the output with what its own row says of how it was made: a skipped one's is that of the run that wrote it, and
-- is null where the tables of that run are gone
CREATE OR REPLACE TEMP VIEW outputs AS
SELECT
    current.output_name,
    coalesce(current.written_in, getvariable('run_id')) AS written_in,
    current.status,
    current.source_id,
    current.patient_id,
    current.study_instance_uid,
    current.series_instance_uid,
    current.sop_instance_uid,
    current.size,
    current.crc32c,
    current.version,
    current.profile_digest,
    current.settings_digest,
    CASE WHEN current.status = 'written' THEN current.actions ELSE made.actions END AS actions,
    CASE WHEN current.status = 'written' THEN current.notes ELSE made.notes END AS notes
FROM instances AS current
LEFT JOIN all_instances AS made
    ON current.status = 'skipped' AND made.run_id = current.written_in AND made.source_id = current.source_id
    AND made.status = 'written'
WHERE current.status IN ('written', 'skipped');

-- likewise, of all that lies in the output
CREATE OR REPLACE TEMP VIEW output_actions AS
SELECT done."path" AS "path", done.keyword AS keyword, done."action" AS "action", count(DISTINCT source_id) AS objects,
    sum(done.count)::BIGINT AS count
FROM (SELECT source_id, unnest(actions) AS done FROM outputs)
GROUP BY ALL
ORDER BY "path", "action";

-- outputs of earlier runs that still lie there though their objects are quarantined now: nobody but a person removes them
CREATE OR REPLACE TEMP VIEW superseded AS
SELECT output_name, written_in, source_id, reason, reason_tag, since, study_instance_uid, patient_id
FROM instances
WHERE status = 'quarantined' AND output_name IS NOT NULL AND written_in IS NOT NULL
ORDER BY output_name;

-- objects in the output that another version, or this one by other settings, made
CREATE OR REPLACE TEMP VIEW other_settings AS
WITH current AS (
    SELECT
        account ->> '$.origin.version' AS version,
        account ->> '$.settings.settings_digest' AS settings_digest,
        account ->> '$.profile_digest' AS profile_digest
    FROM accounts
    WHERE is_current
)
SELECT
    CASE WHEN made.version <> current.version THEN 'versions' ELSE 'settings' END AS kind,
    made.version,
    made.profile_digest,
    made.settings_digest,
    made.written_in,
    count(*) AS objects
FROM instances AS made CROSS JOIN current
WHERE made.status IN ('written', 'skipped') AND (
    made.version <> current.version
    OR NOT coalesce(made.settings_digest = current.settings_digest, made.profile_digest = current.profile_digest)
)
GROUP BY ALL
ORDER BY objects DESC, made.written_in;

-- all runs together, the last one first; what an older account doesn't say is null
CREATE OR REPLACE TEMP VIEW runs AS
SELECT
    run_id,
    is_current,
    coalesce(
        try_cast(account ->> '$.times.started' AS TIMESTAMP),
        CASE WHEN length(run_id) = 22 THEN try_strptime(left(run_id, 14), '%Y%m%d%H%M%S') END
    ) AS started,
    try_cast(account ->> '$.times.ended' AS TIMESTAMP) AS ended,
    (account ->> '$.times.seconds.total')::DOUBLE AS seconds,
    (account ->> '$.times.seconds.list')::DOUBLE AS list_seconds,
    (account ->> '$.times.seconds.scan')::DOUBLE AS scan_seconds,
    (account ->> '$.times.seconds.anonymize')::DOUBLE AS anonymize_seconds,
    (account ->> '$.times.seconds.account')::DOUBLE AS account_seconds,
    (account ->> '$.listed')::BIGINT AS listed,
    (account ->> '$.counts.written')::BIGINT AS written,
    (account ->> '$.counts.skipped')::BIGINT AS skipped,
    (account ->> '$.counts.duplicate')::BIGINT AS duplicate,
    (account ->> '$.counts.filtered')::BIGINT AS filtered,
    (account ->> '$.counts.quarantined')::BIGINT AS quarantined,
    list_sum(map_values(CAST(account -> '$.new_quarantined' AS MAP(VARCHAR, BIGINT))))::BIGINT AS new_quarantined,
    account ->> '$.new_since' AS new_since,
    (account ->> '$.incomplete_studies')::BIGINT AS incomplete_studies,
    (account ->> '$.superseded')::BIGINT AS superseded,
    (account ->> '$.gone')::BIGINT AS gone,
    (account ->> '$.bytes_written')::BIGINT AS bytes_written,
    account ->> '$.origin.version' AS version,
    account ->> '$.settings.settings_digest' AS settings_digest,
    account -> '$.settings' AS settings
FROM accounts
ORDER BY is_current DESC, started DESC NULLS LAST, run_id DESC;

-- and how many objects each didn't write for which reason
CREATE OR REPLACE TEMP VIEW reasons_by_run AS
SELECT run_id, started, entry.key AS reason, entry.value AS objects, coalesce(new_map[entry.key], 0) AS new_objects
FROM (
    SELECT
        run_id,
        unnest(map_entries(CAST(account -> '$.reasons' AS MAP(VARCHAR, BIGINT)))) AS entry,
        CAST(account -> '$.new_quarantined' AS MAP(VARCHAR, BIGINT)) AS new_map
    FROM accounts
)
JOIN runs USING (run_id)
ORDER BY started DESC NULLS LAST, run_id DESC, objects DESC, reason;

-- files of any run that are missing, or aren't what the run wrote; it reads them whole
CREATE OR REPLACE TEMP VIEW bad_files AS
SELECT named.run_id, named.name, CASE WHEN found.filename IS NULL THEN 'missing' ELSE 'changed' END AS problem
FROM audit_files AS named
LEFT JOIN (
    SELECT filename, sha256(content) AS sha256 FROM read_blob(getvariable('checked_files'))
) AS found ON found.filename = named.path
WHERE found.sha256 IS DISTINCT FROM named.sha256
ORDER BY named.name;

