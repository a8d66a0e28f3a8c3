import { totalmem } from 'node:os'

/**
 * Server settings for one machine that runs the API, PostgreSQL and the demo's mocks on two cores, and loads 3.256 M
 * coverages (about 2 GB with indexes). A caller's own win, except those in `fixedSettings`.
 */
export function defaultSettings(memoryBytes = totalmem()): Record<string, string> {
  const memoryMb = Math.floor(memoryBytes / 2 ** 20)
  return {
    // Durable before answered: an entry that was acknowledged survives a power cut.
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',

    // An eighth of the memory, at most 1 GB: indexes and the warm part of the tables; the page cache does the rest.
    shared_buffers: `${Math.min(1024, Math.max(128, Math.floor(memoryMb / 8)))}MB`,
    effective_cache_size: `${Math.floor(memoryMb / 4)}MB`,
    // One index build over 3.256 M rows sorts in memory (~150 MB); two at a time at most.
    maintenance_work_mem: `${Math.min(512, Math.max(64, Math.floor(memoryMb / 16)))}MB`,
    autovacuum_work_mem: '64MB',
    // The merge statement's hash join of staging and current; per node of a plan, so not more.
    work_mem: '32MB',

    // Measured: 3 M rows of 0.2 kB with one uuid key wrote 1.1 GB of WAL in 26 s; coverage, alias and their indexes are some
    // times that. At the default 1 GB it would checkpoint over and over, each time followed by full-page images of all
    // that is touched next. With 8 GB and 15 min the whole load fits before one.
    max_wal_size: '8GB',
    checkpoint_timeout: '15min',
    // Segments are renamed instead of made anew.
    min_wal_size: '1GB',
    // Crash recovery is the same at `minimal`; only replicas, base backups and archives need more, a demo has none.
    // Gained: COPY and index builds on a table made in the same transaction write no WAL.
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_logical_replication_workers: '0',
    // Pages hold ciphertext and keyed digests, which do not shrink; the binaries have only pglz, which would try on a core.
    wal_compression: 'off',

    // API 10, loops and commands a few each, tests one pool per suite.
    max_connections: '100',
    // Hot statements take under a millisecond; compiling one takes more.
    jit: 'off',
    // The second core is the API's. And a container has 64 MB of /dev/shm, too little for a parallel hash join.
    max_parallel_workers_per_gather: '0',
    // SSD.
    random_page_cost: '1.1',

    // The log names nobody: without ERROR lines, statements and details no citizen's value gets in (the client is told
    // the error anyway). It also bounds it: one line per checkpoint, start, stop, refused login.
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    // Redo reports itself every 2 s; the wait for a start passes it on.
    log_startup_progress_interval: '2s',
    log_timezone: 'UTC',
    timezone: 'UTC',
  }
}

/** What finding, joining and stopping the server rely on. */
export function fixedSettings(port: number): Record<string, string> {
  return {
    listen_addresses: '127.0.0.1',
    port: String(port),
    // TCP with a password is the only way in; no socket in a folder that others can list.
    unix_socket_directories: '',
    // What `failureIn` reads.
    lc_messages: 'C',
    // Our log is the standard error the postmaster was born with.
    log_destination: 'stderr',
    logging_collector: 'off',
  }
}

export function asArguments(settings: Record<string, string>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}
