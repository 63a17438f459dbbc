// DuckDB's own time for what an import does with the flights: read, check, SUMMARIZE, sort, write; one thread. Prints
// one JSON line.
//   node dist/bench/live-intake/duckdb-alone.main.js PARQUET FOLDER

import { join } from 'node:path';
import { argv, exit, resourceUsage, stdout } from 'node:process';
import { DuckDBInstance } from '@duckdb/node-api';
import { systemClock } from '@millrace/domain';

const [file = '', folder = ''] = argv.slice(2);
const instance = await DuckDBInstance.create(':memory:', {
  threads: '1',
  memory_limit: '512MB',
  temp_directory: join(folder, 'spill'),
});
const connection = await instance.connect();
const times: Record<string, number> = {};
async function timed(name: string, sql: string): Promise<unknown> {
  const fromMs = systemClock.monotonicMs();
  const result = await connection.runAndReadAll(sql);
  times[name] = (systemClock.monotonicMs() - fromMs) / 1000;
  return result.getRows();
}

await timed(
  'read',
  `CREATE TABLE flights AS SELECT epoch_ms(date) AS date, distance::DOUBLE AS distance, origin, destination,
   delay::DOUBLE AS delay FROM read_parquet('${file}')`,
);
// The columns' checks of examples/flights/project.yaml.
await timed(
  'check',
  `SELECT count(*) FILTER (WHERE date IS NULL OR distance IS NULL OR distance < 0 OR distance > 20000 OR NOT isfinite(distance)
     OR origin IS NULL OR length(origin) > 8 OR destination IS NULL OR length(destination) > 8 OR delay < -2000 OR delay > 5000)
   FROM flights`,
);
await timed('summarize', 'SUMMARIZE flights');
await timed(
  'sort and write',
  `COPY (SELECT *, rowid FROM flights ORDER BY date, rowid) TO '${join(folder, 'alone.parquet')}' (FORMAT parquet)`,
);
const seconds = Object.values(times).reduce((sum, one) => sum + one, 0);
stdout.write(`${JSON.stringify({ seconds, times, peakMib: resourceUsage().maxRSS / 1024 })}\n`);
exit(0);
